// A web application as people write them. It answers what it can do here: compiled code, WebAssembly, threads, children, files.
const { createServer } = require('node:http');
const { execFileSync } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const dns = require('node:dns').promises;
const fs = require('node:fs').promises;
const os = require('node:os');
const path = require('node:path');

// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const wasm = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0,
  10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);

function sum(n) { // long enough that V8 compiles it
  let total = 0;
  for (let i = 0; i < n; i++) total = (total + i) % 1000003;
  return total;
}

function inThread(n) {
  return new Promise((resolve, reject) => {
    const worker = new Worker('const w = require("worker_threads"); w.parentPort.postMessage(w.workerData * 2)', { eval: true, workerData: n });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function inFile(text) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'app-'));
  const file = path.join(dir, 'x');
  await fs.writeFile(file, text);
  const read = await fs.readFile(file, 'utf8');
  await fs.rm(dir, { recursive: true });
  return read;
}

const server = createServer(async (request, response) => {
  try {
    const { instance } = await WebAssembly.instantiate(wasm);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      uid: process.getuid(),
      compiled: sum(5e6),
      wasm: instance.exports.add(40, 2),
      thread: await inThread(21),
      file: await inFile('text'),
      child: execFileSync('echo', ['child'], { encoding: 'utf8' }).trim(),
      localhost: (await dns.lookup('localhost', { family: 4 })).address,
    }));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error.stack));
  }
});
server.listen(3000, () => console.log('listening'));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
