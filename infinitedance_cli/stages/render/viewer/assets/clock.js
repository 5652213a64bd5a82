// Clocks: what time of the dance it is. With a song the sound is the clock and the picture follows it.

// A clock without sound. `read(now)`: `now` in milliseconds of performance.now().
class PlainClock {
  constructor(duration) {
    this.duration = duration;
    this.rate = 1;
    this.playing = false;
    this.position = 0;
    this.last = 0;
  }

  async play() {
    this.playing = true;
    this.last = performance.now();
  }

  pause() {
    this.playing = false;
  }

  seek(time) {
    this.position = Math.min(this.duration, Math.max(0, time));
    this.last = performance.now();
  }

  setRate(rate) {
    this.rate = rate;
  }

  setMuted() {}

  read(now) {
    if (this.playing) {
      this.position = Math.min(this.duration, this.position + ((now - this.last) / 1000) * this.rate);
      this.last = now;
    }
    return this.position;
  }

  close() {
    this.pause();
  }
}

// The time of an <audio> element. Browsers renew `currentTime` in steps, some of them coarse: between two of them time
// runs on by itself, and is drawn gently towards the sound's; it is never further than `MOST` from what the sound says.
class SoundClock {
  // `audio` is one element for all songs: Safari lets play without a click only what has played after one.
  constructor(audio, url, duration) {
    this.MOST = 0.02;
    this.duration = duration;
    this.audio = audio;
    this.audio.preload = "auto";
    this.audio.src = url;
    this.audio.preservesPitch = true;
    this.playing = false;
    this.position = 0;
    this.raw = -1; // the last time the element told; below 0: none since the clock was set
    this.rawAt = 0; // when it was told first
    this.moving = false;
    this.last = 0;
  }

  get rate() {
    return this.audio.playbackRate;
  }

  async play() {
    if (this.audio.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) this.audio.load(); // it failed: once more
    if (Math.abs(this.audio.currentTime - this.position) > 1e-3) this.audio.currentTime = this.position;
    this.playing = true;
    this.raw = -1;
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name === "AbortError") return; // paused again before it began
      this.playing = false;
      throw error;
    }
  }

  pause() {
    this.playing = false;
    this.audio.pause();
  }

  seek(time) {
    this.position = Math.min(this.duration, Math.max(0, time));
    this.audio.currentTime = this.position;
    this.raw = -1;
    if (this.playing && this.audio.paused) this.play(); // it had come to its end
  }

  setRate(rate) {
    this.audio.playbackRate = rate;
    this.audio.defaultPlaybackRate = rate;
    this.raw = -1;
  }

  setMuted(muted) {
    this.audio.muted = muted;
  }

  read(now) {
    if (!this.playing || this.audio.seeking) {
      this.last = now;
      return this.position;
    }
    if (this.audio.ended) return (this.position = this.duration);
    const raw = this.audio.currentTime;
    const fresh = raw !== this.raw;
    const first = this.raw < 0;
    if (fresh) [this.raw, this.rawAt, this.moving] = [raw, now, !first];
    if (!this.moving) { // the sound has not begun, or begun again: the device is being opened
      this.last = now;
      return (this.position = raw);
    }
    this.position += ((now - this.last) / 1000) * this.rate;
    this.last = now;
    // A sound that stands still must not be run away from.
    const sound = this.raw + Math.min(0.1, (now - this.rawAt) / 1000) * this.rate;
    const error = sound - this.position;
    if (fresh && Math.abs(error) > this.MOST) this.position = sound;
    else this.position += error * 0.08;
    return (this.position = Math.min(this.duration, Math.max(0, this.position)));
  }

  close() {
    this.pause();
  }
}
