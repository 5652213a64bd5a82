// The strip under the picture: beats, bars, planted feet, the looped bar, and where we are. Dragging it seeks.

class Timeline {
  // `onSeek(time, phase)`: phase is "start", "move" or "end".
  constructor(canvas, onSeek) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.onSeek = onSeek;
    this.snapping = false;
    canvas.addEventListener("pointerdown", (event) => this.drag(event, "start"));
    canvas.addEventListener("pointermove", (event) => this.dragging && this.drag(event, "move"));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.dragging && this.drag(event, "end"));
    }
  }

  setTake(take) {
    this.take = take;
    this.base = null;
  }

  drag(event, phase) {
    if (!this.take || (phase === "start" && event.button !== 0)) return;
    this.dragging = phase !== "end";
    if (phase === "start") this.canvas.setPointerCapture(event.pointerId);
    const box = this.canvas.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    this.onSeek(this.snapped(part * this.take.duration, event.shiftKey), phase);
  }

  // The nearest beat when snapping is on; Shift turns it the other way.
  snapped(time, turned) {
    const marks = this.take.beats;
    if (this.snapping === turned || !marks.length) return time;
    return marks.reduce((best, mark) => (Math.abs(mark - time) < Math.abs(best - time) ? mark : best));
  }

  draw(time, loop) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(this.canvas.clientWidth * ratio), height = Math.round(this.canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height || !this.base) this.drawBase(width, height, ratio);
    const { context } = this;
    const x = (seconds) => (seconds / this.take.duration) * width;
    context.clearRect(0, 0, width, height);
    if (loop) {
      context.fillStyle = "rgba(120, 170, 255, 0.22)";
      context.fillRect(x(loop[0]), 0, x(loop[1]) - x(loop[0]), height);
    }
    context.drawImage(this.base, 0, 0);
    context.fillStyle = "rgba(255, 255, 255, 0.07)";
    context.fillRect(0, 0, x(time), height);
    context.fillStyle = "#fff";
    context.fillRect(x(time) - ratio, 0, 2 * ratio, height);
  }

  // What does not change while a take plays.
  drawBase(width, height, ratio) {
    Object.assign(this.canvas, { width, height });
    this.base = Object.assign(document.createElement("canvas"), { width, height });
    const context = this.base.getContext("2d");
    const { take } = this;
    const x = (seconds) => (seconds / take.duration) * width;
    const strong = new Set(take.downbeats);
    const sparse = take.beats.length > width / (5 * ratio); // too many to tell apart: bars only
    for (const beat of take.beats) {
      const down = strong.has(beat);
      if (sparse && !down) continue;
      context.fillStyle = down ? "rgba(255, 255, 255, 0.6)" : "rgba(255, 255, 255, 0.28)";
      context.fillRect(x(beat), 0, ratio, height * (down ? 0.42 : 0.24));
    }
    const sides = [["left", "#2fd3c4"], ["right", "#ff9a4d"]];
    sides.forEach(([side, colour], row) => {
      context.fillStyle = colour;
      const top = height * (0.56 + 0.2 * row), thick = height * 0.12;
      const columns = take.contact_joints.map((name, index) => [name, index]).filter(([name]) => name.startsWith(side));
      for (let start = 0, frame = 0; frame <= take.frames; frame++) {
        const planted = frame < take.frames && columns.some(([, index]) => take.isPlanted(index, frame));
        if (planted) continue;
        if (frame > start) context.fillRect(x(start / take.fps), top, x((frame - start) / take.fps), thick);
        start = frame + 1;
      }
    });
  }
}
