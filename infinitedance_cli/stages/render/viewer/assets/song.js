// Songs: MP3 in the page, decoded once to PCM, whose time is exact in every browser.

const REST = 0.5; // silence at the end, seconds: a looped last bar goes on before the element comes to its end

// A URL of a WAV of `duration` seconds and REST: the decoder's delay cut off, silence where the song ends early.
async function urlOfSong(bytes, info, duration) {
  const Context = window.OfflineAudioContext || window.webkitOfflineAudioContext;
  const decoded = await new Context(2, 1, info.rate).decodeAudioData(bytes.slice().buffer);
  const lead = leadOf(decoded.length, info);
  const wanted = Math.ceil((duration + REST) * info.rate);
  const samples = new Int16Array(2 * wanted);
  for (let channel = 0; channel < 2; channel++) {
    const source = decoded.getChannelData(Math.min(channel, decoded.numberOfChannels - 1));
    const count = Math.min(wanted, info.samples, decoded.length - lead);
    for (let i = 0; i < count; i++) {
      samples[2 * i + channel] = Math.max(-32768, Math.min(32767, Math.round(source[lead + i] * 32767)));
    }
  }
  return URL.createObjectURL(new Blob([wavHeader(samples.byteLength, info.rate), samples], { type: "audio/wav" }));
}

// Samples before the song's first, told by the length. Chrome cuts them and those after the song; Firefox cuts its own
// decoder's share, Safari nothing; a decoder that takes the file's own note for sound has a packet more.
function leadOf(length, info) {
  return length === info.samples ? 0 : Math.max(0, info.delay + length - 1152 * info.packets);
}

function wavHeader(size, rate) {
  const header = new DataView(new ArrayBuffer(44));
  const text = (offset, letters) => [...letters].forEach((c, i) => header.setUint8(offset + i, c.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, 36 + size, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 2, true); // channels
  header.setUint32(24, rate, true);
  header.setUint32(28, 4 * rate, true);
  header.setUint16(32, 4, true);
  header.setUint16(34, 16, true); // bits
  text(36, "data");
  header.setUint32(40, size, true);
  return header.buffer;
}
