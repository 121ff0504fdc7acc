// client.mjs BASE_URL SPEECH TEXT - calls a running daemon through OpenAI's own SDK, unmodified.
// SPEECH is a recording, TEXT its best-path text. Ends with "N passed, N failed".
import assert from "node:assert/strict";
import fs from "node:fs";
import OpenAI, { toFile } from "openai";

const [baseURL, speech, text] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const { transcriptions } = client.audio;
const file = () => fs.createReadStream(speech);
const model = "whisper-1";
let passed = 0, failed = 0;

async function check(name, body) {
  try {
    await body();
    passed++;
  } catch (error) {
    failed++;
    console.log(`FAILED: ${name}\n${error.stack}`);
  }
}

const refuses = (errorClass, status, code, param) => (error) => {
  assert(error instanceof errorClass, `${error.constructor.name}: ${error.message}`);
  assert.equal(error.status, status);
  assert.equal(error.code, code);
  assert.equal(error.param ?? null, param);
  assert.ok(error.requestID, "the error carries the request id");
  return true;
};

await check("json is the default and has the text and its usage", async () => {
  const answer = await transcriptions.create({ file: file(), model });
  assert.equal(answer.text, text);
  assert.deepEqual(answer.usage, { type: "duration", seconds: 5 });
  assert.ok(answer._request_id);
});
await check("text is plain text", async () => {
  assert.equal(await transcriptions.create({ file: file(), model, response_format: "text" }), text + "\n");
});
await check("srt has numbered cues with commas", async () => {
  const srt = await transcriptions.create({ file: file(), model, response_format: "srt" });
  assert.match(srt, /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n\S/);
});
await check("vtt has its header and cues with points", async () => {
  const vtt = await transcriptions.create({ file: file(), model, response_format: "vtt" });
  assert.match(vtt, /^WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n\S/);
});
await check("verbose_json has segments, and words when asked", async () => {
  const answer = await transcriptions.create({
    file: file(), model, response_format: "verbose_json", timestamp_granularities: ["word", "segment"],
  });
  assert.equal(answer.text, text);
  assert.equal(answer.language, "english");
  assert.ok(Math.abs(answer.duration - 4.49) < 0.5, String(answer.duration));
  assert.equal(answer.words.map((w) => w.word).join(" "), text);
  let end = 0;
  for (const word of answer.words) {
    assert.ok(word.start >= end && word.end > word.start && word.end <= answer.duration + 0.05, JSON.stringify(word));
    end = word.end;
  }
  assert.equal(answer.segments.map((s) => s.text).join("").trim(), text);
  assert.equal(answer.segments[0].id, 0);
});
await check("without granularities verbose_json has segments alone", async () => {
  const answer = await transcriptions.create({ file: file(), model, response_format: "verbose_json" });
  assert.ok(answer.segments.length >= 1);
  assert.equal(answer.words, undefined);
});
await check("a file from memory is as good as a stream", async () => {
  const bytes = fs.readFileSync(speech);
  const answer = await transcriptions.create({ file: await toFile(bytes, "a recording.flac"), model });
  assert.equal(answer.text, text);
});
await check("requests at the same time get the same answer each", async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => transcriptions.create({ file: file(), model })));
  for (const answer of answers) assert.equal(answer.text, text);
});
await check("models are listed", async () => {
  const models = await client.models.list();
  assert.ok(models.data.some((m) => m.id === "en-v1" && m.object === "model"));
});
await check("one model is retrieved", async () => {
  assert.equal((await client.models.retrieve("en-v1")).id, "en-v1");
});

const { BadRequestError, NotFoundError, APIError } = OpenAI;
const rejected = [
  ["a text file as audio", BadRequestError, 400, "invalid_audio", "file",
    async () => ({ file: await toFile(Buffer.from("not a recording, just text\n".repeat(99)), "a.wav"), model })],
  ["an empty file", BadRequestError, 400, "invalid_audio", "file",
    async () => ({ file: await toFile(Buffer.alloc(0), "a.wav"), model })],
  ["an unknown model", NotFoundError, 404, "model_not_found", "model",
    async () => ({ file: file(), model: "no-such-model" })],
  ["an unknown response_format", BadRequestError, 400, "invalid_value", "response_format",
    async () => ({ file: file(), model, response_format: "yaml" })],
  ["word times outside verbose_json", BadRequestError, 400, "invalid_value", "timestamp_granularities[]",
    async () => ({ file: file(), model, timestamp_granularities: ["word"] })],
  ["a temperature of 7", BadRequestError, 400, "invalid_value", "temperature",
    async () => ({ file: file(), model, temperature: 7 })],
  ["another language", BadRequestError, 400, "invalid_value", "language",
    async () => ({ file: file(), model, language: "fr" })],
  ["a body over the limit", APIError, 413, "body_too_large", null,
    async () => ({ file: await toFile(Buffer.alloc(3 << 20), "a.wav"), model })],
];
for (const [name, errorClass, status, code, param, request] of rejected) {
  await check(`${name} is a ${errorClass.name}`, async () =>
    assert.rejects(transcriptions.create(await request()), refuses(errorClass, status, code, param)));
}
await check("an unknown model cannot be retrieved", async () =>
  assert.rejects(client.models.retrieve("no-such-model"), refuses(NotFoundError, 404, "model_not_found", "model")));
await check("after all that the daemon still answers", async () => {
  assert.equal((await transcriptions.create({ file: file(), model })).text, text);
});
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
