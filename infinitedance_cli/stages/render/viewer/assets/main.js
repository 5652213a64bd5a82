// Starts the viewer. `window.idance` lets a script, or a test, drive it.

async function start() {
  if (!window.DecompressionStream) throw new Error("This browser is too old: Chrome 80, Firefox 113 or Safari 16.4 is needed.");
  const { live, takes } = JSON.parse(byId("setup").textContent);
  const library = document.createElement("script");
  library.textContent = new TextDecoder().decode(await gunzip(bytesOfBase64(byId("three").textContent)));
  document.head.append(library);

  const stage = new Stage(byId("view"));
  const dancer = new Dancer(await unpack(bytesOfBase64(byId("body").textContent)));
  let wasPlaying = false;
  const timeline = new Timeline(byId("timeline"), (time, phase) => {
    if (phase === "start" && (wasPlaying = player.playing)) player.pause();
    player.seek(time);
    if (phase === "end" && wasPlaying) controls.attempt(() => player.play());
  });
  const player = new Player(live ? new LiveSource() : new PageSource(takes), stage, timeline, dancer);
  const controls = new Controls(player, stage, timeline, dancer);

  const draw = () => {
    player.draw();
    controls.tick();
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  window.idance = { player, stage, dancer, controls, leadOf };
  if (live) follow(player, controls);
  else await controls.choose(0);
  controls.show();
}

// Live: the first take is shown at once, one that was written anew replaces what is shown, others wait in the list.
function follow(player, controls) {
  const update = async (fresh) => {
    const shown = player.entry;
    const { takes } = player.source;
    if (!takes.length) {
      controls.tell("No takes yet: they appear here as they are written.");
    } else if (!shown) {
      await controls.choose(0);
    } else {
      fresh.forEach((take) => controls.fresh.add(take.key));
      const again = takes.findIndex((take) => take.name === shown.name);
      if (again >= 0 && takes[again].key !== shown.key) await controls.choose(again);
      else if (fresh.length) controls.tell(`New: ${fresh.map((take) => take.name || take.id).join(", ")}`);
    }
    controls.show();
  };
  player.source.watch(update, (trouble) => trouble && controls.tell(trouble));
}

start().catch((error) => {
  console.error(error);
  const blind = /WebGL/.test(error.message);
  byId("notice").textContent = blind ? "This browser does not draw in 3D: WebGL 2 is switched off or missing." : error.message;
  byId("notice").hidden = false;
});
