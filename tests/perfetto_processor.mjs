// Loads a trace into Perfetto's trace processor (wasm) and answers queries: node tp.mjs DIST TRACE SQL... -> JSON
import { readFileSync } from 'node:fs';
import vm from 'node:vm';
const [dist, trace, ...queries] = process.argv.slice(2);

const varint = n => { const out = []; n = BigInt(n); while (n > 127n) { out.push(Number(n & 127n) | 128); n >>= 7n; } out.push(Number(n)); return out; };
const field = (id, data) => [Buffer.from([...varint(id * 8 + 2), ...varint(data.length)]), data];
const number = (id, n) => Buffer.from([...varint(id * 8), ...varint(n)]);
let seq = 0;
const message = (method, ...rest) => Buffer.concat(field(1, Buffer.concat([number(1, ++seq), number(2, method), ...rest.flat()])));

function* fields(data) {
  let at = 0;
  const read = () => { let n = 0n, s = 0n, b; do { b = data[at++]; n |= BigInt(b & 127) << s; s += 7n; } while (b > 127); return BigInt.asIntN(64, n); };
  while (at < data.length) {
    const key = Number(read()), id = key >> 3;
    if ((key & 7) === 0) yield [id, read()];
    else if ((key & 7) === 1) { yield [id, data.subarray(at, at + 8)]; at += 8; }
    else { const n = Number(read()); yield [id, data.subarray(at, at + n)]; at += n; }
  }
}
const varints = d => { const out = []; for (let at = 0; at < d.length;) { let n = 0n, s = 0n, b; do { b = d[at++]; n |= BigInt(b & 127) << s; s += 7n; } while (b > 127); out.push(Number(BigInt.asIntN(64, n))); } return out; };

function rows(results) {
  const names = [], cells = [];
  let error = '';
  for (const result of results) for (const [id, value] of fields(result)) {
    if (id === 1) names.push(Buffer.from(value).toString());
    if (id === 2 && value.length) error = Buffer.from(value).toString();
    if (id !== 3) continue;
    let kinds = [], ints = [], floats = [], texts = [];
    for (const [k, v] of fields(value)) {
      if (k === 1) kinds = varints(v);
      if (k === 2) ints = varints(v);
      if (k === 3) { const b = Buffer.from(v); for (let i = 0; i < b.length; i += 8) floats.push(b.readDoubleLE(i)); }
      if (k === 5) texts = Buffer.from(v).toString().split('\0');
    }
    for (const kind of kinds) cells.push(kind === 2 ? ints.shift() : kind === 3 ? floats.shift() : kind === 4 ? texts.shift() : null);
  }
  if (error) throw new Error(error);
  const out = [];
  for (let i = 0; i < cells.length; i += names.length) out.push(Object.fromEntries(names.map((n, k) => [n, cells[i + k]])));
  return out;
}

const replies = [];
const port = { postMessage: data => { for (const [, rpc] of fields(data)) replies.push([...fields(rpc)]); } };
const self = { location: { href: `file://${dist}/` } };
const wasm = readFileSync(`${dist}/trace_processor.wasm`);
let code = readFileSync(`${dist}/engine_bundle.js`, 'utf8');
code = code.replace('this.connection=r({', 'this.connection=r({wasmBinary:self.wasm,');
Object.assign(self, { wasm });
const quiet = { ...console, log() {}, warn() {} };
new Function('self', 'process', 'console', 'WorkerGlobalScope', code)(self, undefined, quiet, Object);
self.onmessage({ data: port });
await new Promise(r => setTimeout(r, 300));
const send = data => port.onmessage({ data: new Uint8Array(data) });
const ask = sql => {
  replies.length = 0;
  send(message(3, field(103, Buffer.concat(field(1, Buffer.from(sql))))));
  return rows(replies.flat().filter(([id]) => id === 203).map(([, v]) => v));
};
const bytes = readFileSync(trace);
for (let at = 0; at < bytes.length; at += 1 << 22) send(message(1, field(101, bytes.subarray(at, at + (1 << 22)))));
send(message(2));
console.log(JSON.stringify(queries.map(ask)));
