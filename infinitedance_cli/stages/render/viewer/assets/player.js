// The player: a source of takes, a clock, the stage, and what the user asked for.

class Player {
  constructor(source, stage, timeline, dancer) {
    Object.assign(this, { source, stage, timeline, dancer });
    this.clock = new PlainClock(0);
    this.audio = new Audio();
    this.rate = 1;
    this.muted = false;
    this.loop = null;
    this.songs = new Map(); // key of a song → promise of its URL
    this.listeners = [];
    this.drawn = { time: 0, frame: -1, sound: null, at: 0 };
    this.stale = true; // something other than time has changed since the last picture
    stage.controls.addEventListener("change", () => (this.stale = true));
    stage.scene.add(dancer.group, dancer.lines, dancer.marks);
  }

  get time() {
    return this.clock.position;
  }

  get playing() {
    return this.clock.playing;
  }

  changed() {
    this.stale = true;
    this.listeners.forEach((listener) => listener());
  }

  // Shows take `number`. The time stays, and so does the song where both takes have the same.
  async choose(number) {
    const entry = this.source.takes[number];
    if (!entry) return;
    const ticket = (this.ticket = (this.ticket || 0) + 1); // a later choice overtakes one that still loads
    const take = new Take(await unpack(await this.source.load(entry)));
    let url = null, silence = "";
    if (entry.song) {
      try {
        url = await this.urlOf(entry);
      } catch (error) {
        silence = `The song cannot be played here (${error.message}); the dance plays without it.`;
      }
    }
    if (ticket !== this.ticket) return;
    this.entry = entry;
    if (!this.take) this.stage.face(take.heading, ...take.placeAt(0));
    this.take = take;
    this.dancer.setTake(take);
    this.timeline.setTake(take);
    if (this.loop) this.loop = this.barAt(this.time);
    await this.takeClock(url);
    this.changed();
    return silence;
  }

  urlOf(entry) {
    if (!this.songs.has(entry.song.key)) {
      const made = this.source.song(entry).then(({ bytes, info }) => urlOfSong(bytes, info, entry.song.duration));
      made.catch(() => this.songs.delete(entry.song.key));
      this.songs.set(entry.song.key, made);
    }
    return this.songs.get(entry.song.key);
  }

  async takeClock(url) {
    const { duration } = this.take;
    if (this.url !== url || this.clock.constructor === PlainClock) {
      const wasPlaying = this.playing, time = this.time;
      this.clock.close();
      this.url = url;
      this.clock = url ? new SoundClock(this.audio, url, duration) : new PlainClock(duration);
      this.clock.setRate(this.rate);
      this.clock.setMuted(this.muted);
      this.clock.seek(time);
      if (wasPlaying) await this.play();
    } else {
      this.clock.duration = duration;
      if (this.time > duration) this.clock.seek(duration);
    }
  }

  async play() {
    if (!this.take) return;
    if (this.time >= this.take.duration - 1e-3) this.clock.seek(this.loop ? this.loop[0] : 0);
    const started = this.clock.play(); // at once: a browser lets sound begin only in the moment of a click
    this.changed();
    try {
      await started;
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      await this.takeClock(null);
      await this.clock.play();
      throw new Error("This browser cannot play the song; the dance goes on without it.");
    } finally {
      this.changed();
    }
  }

  pause() {
    this.clock.pause();
    this.changed();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(time) {
    this.clock.seek(time);
    if (this.loop && (time < this.loop[0] || time >= this.loop[1])) this.loop = this.barAt(time);
    this.changed();
  }

  barAt(time) {
    const { bars } = this.take;
    return bars.find(([, end]) => time < end - 1e-3) || bars[bars.length - 1];
  }

  setLoop(on) {
    this.loop = on && this.take ? this.barAt(this.time) : null;
    this.changed();
  }

  // `count` bars on, or back when negative; a looped bar goes along.
  moveBars(count) {
    const { bars } = this.take;
    const here = bars.indexOf(bars.find(([, end]) => this.time < end - 1e-3) || bars[bars.length - 1]);
    const bar = bars[Math.min(bars.length - 1, Math.max(0, here + count))];
    if (this.loop) this.loop = bar;
    this.seek(bar[0]);
  }

  // To the next beat, or the one before; in steps of half a second where the beats are not known.
  moveBeats(direction) {
    const { beats, duration } = this.take;
    const marks = beats.length ? beats : Array.from({ length: Math.ceil(2 * duration) }, (_, index) => index / 2);
    const slack = this.playing && direction < 0 ? 0.25 : 1e-3; // while it plays, "back" must get past the beat just left
    const target = direction > 0 ? marks.find((mark) => mark > this.time + 1e-3) : marks.filter((mark) => mark < this.time - slack).pop();
    this.seek(target === undefined ? (direction > 0 ? duration : 0) : target);
  }

  moveFrames(count) {
    this.pause();
    const frame = Math.min(this.take.frames - 1, Math.max(0, this.take.frameAt(this.time) + count));
    this.seek(frame / this.take.fps);
  }

  setRate(rate) {
    this.rate = rate;
    this.clock.setRate(rate);
    this.changed();
  }

  setMuted(muted) {
    this.muted = muted;
    this.clock.setMuted(muted);
    this.changed();
  }

  // Draws the picture that belongs to this moment; nothing while it would be the same as the last.
  draw() {
    if (this.stage.update()) this.stale = true;
    if (!this.playing && !this.stale) return;
    this.stale = false;
    if (!this.take) {
      this.stage.draw();
      return;
    }
    const now = performance.now();
    let time = this.clock.read(now);
    const sound = this.clock.audio ? this.clock.audio.currentTime : null;
    if (this.playing && this.loop && time >= this.loop[1]) {
      this.clock.seek(this.loop[0]);
      time = this.loop[0];
    } else if (this.playing && time >= this.take.duration) {
      this.pause();
      this.clock.seek(this.take.duration);
    }
    this.dancer.pose(time);
    this.stage.follow(...this.take.placeAt(time));
    this.stage.draw(this.playing);
    this.timeline.draw(time, this.loop);
    this.drawn = { time, frame: this.take.frameAt(time), sound, at: now };
  }
}
