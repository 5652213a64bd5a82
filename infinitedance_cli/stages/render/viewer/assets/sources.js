// Where takes come from: blocks of this page, or the server that sent it.

class PageSource {
  constructor(takes) {
    this.takes = takes;
  }

  async load(entry) {
    return bytesOfBase64(document.getElementById(entry.key).textContent);
  }

  async song(entry) {
    return bytesOfBase64(document.getElementById(entry.song.key).textContent);
  }

  watch() {}
}

class LiveSource {
  constructor() {
    this.takes = [];
  }

  async load(entry) {
    return this.fetch(`takes/${entry.key}`);
  }

  async song(entry) {
    return this.fetch(`songs/${entry.song.key}`);
  }

  async fetch(path) {
    const answer = await fetch(path, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  // Asks every second and a half what there is; `onChange(fresh)` gets the takes that were not there before.
  watch(onChange, onTrouble) {
    let version = null;
    const ask = async () => {
      try {
        const answer = await (await fetch("takes.json", { cache: "no-store" })).json();
        onTrouble("");
        if (answer.version !== version) {
          version = answer.version;
          const known = new Set(this.takes.map((take) => take.key));
          this.takes = answer.takes;
          await onChange(this.takes.filter((take) => !known.has(take.key)));
        }
      } catch (error) {
        onTrouble(error instanceof TypeError ? "The server is gone: is idance render --live still running?" : error.message);
      }
      setTimeout(ask, 1500);
    };
    ask();
  }
}
