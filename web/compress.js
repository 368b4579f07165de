// After the build: a .br file in place of each file that gains from it. The server has nothing to compress, and the binary
// holds each file once; whoever takes no Brotli gets it unpacked.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const dist = new URL('dist', import.meta.url).pathname;
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || path.endsWith('.br')) continue;
  const raw = readFileSync(path);
  const small = brotliCompressSync(raw);
  if (small.length >= raw.length * 0.9) continue;
  writeFileSync(`${path}.br`, small);
  rmSync(path);
}
