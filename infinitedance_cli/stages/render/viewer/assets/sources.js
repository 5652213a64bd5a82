// Where takes come from: blocks of this page, or the server that sent it.

class PageSource {
  constructor(takes) {
    this.takes = takes;
  }

  async load(entry) {
    return bytesOfBase64(document.getElementById(entry.key).textContent);
  }

  // {bytes, info}: the encoded song, and how its samples lie in it.
  async song(entry) {
    return { bytes: bytesOfBase64(document.getElementById(entry.song.key).textContent), info: entry.song };
  }

  watch() {}
}

class LiveSource {
  constructor() {
    this.takes = [];
  }

  async load(entry) {
    return new Uint8Array(await (await this.fetch(`takes/${entry.key}`)).arrayBuffer());
  }

  async song(entry) {
    const answer = await this.fetch(`songs/${entry.song.key}`);
    return { bytes: new Uint8Array(await answer.arrayBuffer()), info: JSON.parse(answer.headers.get("X-Song")) };
  }

  async fetch(path) {
    const answer = await fetch(path, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 300));
    return answer;
  }

  // Asks every second and a half what there is; `onChange(fresh)` gets the takes that were not there before.
  watch(onChange, onTrouble) {
    let version = null;
    const ask = async () => {
      try {
        const answer = await (await this.fetch("takes.json")).json();
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
