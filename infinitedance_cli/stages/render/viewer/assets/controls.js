// Buttons, keys and texts.

const byId = (id) => document.getElementById(id);
const PLAY = '<svg viewBox="0 0 24 24"><path d="M8 5v14l11-7z"/></svg>';
const PAUSE = '<svg viewBox="0 0 24 24"><path d="M6 5h4v14H6zM14 5h4v14h-4z"/></svg>';

class Controls {
  constructor(player, stage, timeline, dancer) {
    Object.assign(this, { player, stage, timeline, dancer });
    this.fresh = new Set();
    const { actions } = this;
    for (const id of ["play", "begin", "loop", "snap", "contacts", "skeleton", "follow", "camera", "mute", "keys"]) {
      byId(id).addEventListener("click", (event) => {
        event.currentTarget.blur(); // or Space would press it again
        actions[id === "begin" ? "play" : id]();
      });
    }
    byId("speed").addEventListener("change", (event) => {
      player.setRate(Number(event.target.value));
      event.target.blur();
    });
    window.addEventListener("keydown", (event) => this.press(event));
    player.listeners.push(() => this.show());
  }

  get actions() {
    const { player, stage, timeline, dancer } = this;
    const flip = (id, on, apply) => {
      apply(on);
      player.changed();
      byId(id).setAttribute("aria-pressed", String(on));
    };
    return (this.made ||= {
      play: () => this.attempt(() => player.toggle()),
      loop: () => player.setLoop(!player.loop),
      snap: () => flip("snap", !timeline.snapping, (on) => (timeline.snapping = on)),
      contacts: () => flip("contacts", !dancer.marks.visible, (on) => (dancer.marks.visible = on)),
      skeleton: () => flip("skeleton", !dancer.lines.visible, (on) => dancer.setSkeletonShown(on)),
      follow: () => flip("follow", !stage.following, (on) => stage.setFollowing(on)),
      camera: () => stage.setView(stage.view + 1),
      mute: () => flip("mute", !player.muted, (on) => player.setMuted(on)),
      keys: () => flip("keys", byId("help").hidden, (on) => (byId("help").hidden = !on)),
    });
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.player.take) return;
    const { player, actions } = this;
    const keys = {
      " ": actions.play, l: actions.loop, s: actions.snap, c: actions.contacts, k: actions.skeleton,
      f: actions.follow, v: actions.camera, m: actions.mute, "?": actions.keys,
      arrowleft: () => (event.shiftKey ? player.moveBars(-1) : player.moveBeats(-1)),
      arrowright: () => (event.shiftKey ? player.moveBars(1) : player.moveBeats(1)),
      ",": () => player.moveFrames(-1), ".": () => player.moveFrames(1),
      "[": () => player.moveBars(-1), "]": () => player.moveBars(1),
      home: () => player.seek(0), end: () => player.seek(player.take.duration),
      "-": () => this.changeSpeed(-1), "+": () => this.changeSpeed(1), "=": () => this.changeSpeed(1),
      p: () => this.chooseBeside(-1), n: () => this.chooseBeside(1),
    };
    const key = event.key.toLowerCase();
    const action = /^[1-9]$/.test(key) ? () => this.choose(Number(key) - 1) : keys[key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  changeSpeed(direction) {
    const { options, selectedIndex } = byId("speed");
    const next = options[Math.min(options.length - 1, Math.max(0, selectedIndex + direction))];
    byId("speed").value = next.value;
    this.player.setRate(Number(next.value));
  }

  chooseBeside(direction) {
    const { takes } = this.player.source;
    const here = takes.findIndex((take) => take.key === this.player.entry?.key);
    return this.choose((here + direction + takes.length) % takes.length);
  }

  choose(number) {
    const entry = this.player.source.takes[number];
    if (!entry) return undefined;
    this.fresh.delete(entry.key);
    return this.attempt(async () => this.tell(await this.player.choose(number)));
  }

  // Runs what may fail; says what went wrong where the user looks.
  async attempt(action) {
    try {
      await action();
    } catch (error) {
      console.error(error);
      const blocked = error.name === "NotAllowedError";
      this.tell(blocked ? "The browser wants a click before it plays sound: press the play button." : error.message);
    }
  }

  tell(text) {
    byId("notice").textContent = text || "";
    byId("notice").hidden = !text;
    clearTimeout(this.timer);
    if (text) this.timer = setTimeout(() => this.tell(""), 8000);
  }

  // What changes with the player's state; `tick` below has what changes with time.
  show() {
    const { player } = this;
    byId("play").innerHTML = player.playing ? PAUSE : PLAY;
    byId("begin").hidden = player.playing || !player.take || player.time > 0;
    byId("loop").setAttribute("aria-pressed", String(Boolean(player.loop)));
    byId("mute").disabled = !player.url;
    if (!player.take) return;
    const { genre, tempo, fps, id } = player.take;
    byId("name").textContent = id;
    const song = player.entry.song ? player.entry.song.name : "no song";
    byId("about").textContent = [genre, tempo ? `${Math.round(tempo)} BPM` : "", song, `${+fps.toFixed(2)} fps`].filter(Boolean).join(" · ");
    this.listTakes();
  }

  listTakes() {
    const { source, entry } = this.player;
    byId("takes").hidden = source.takes.length < 2;
    byId("takes").replaceChildren(
      ...source.takes.map((take, number) => {
        const button = document.createElement("button");
        const detail = document.createElement("small");
        button.textContent = take.name || take.id;
        detail.textContent = [take.genre, lengthText(take.frames / take.fps)].filter(Boolean).join(" · ");
        button.append(detail);
        button.setAttribute("aria-current", String(take.key === entry?.key));
        button.classList.toggle("new", this.fresh.has(take.key));
        button.addEventListener("click", () => this.choose(number));
        return button;
      }),
    );
  }

  tick() {
    const { take, drawn } = this.player;
    if (!take) return;
    byId("time").textContent = lengthText(drawn.time, 1);
    const beat = take.beats.filter((mark) => mark <= drawn.time + 1e-3).length;
    const place = take.beats.length ? ` · beat ${beat}/${take.beats.length}` : "";
    byId("count").textContent = `frame ${drawn.frame}${place}`;
  }
}

function lengthText(seconds, digits = 0) {
  const unit = 10 ** digits, whole = Math.floor(seconds * unit + 1e-6) / unit;
  return `${Math.floor(whole / 60)}:${(whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0")}`;
}
