// After the build: replaces each file that compresses well with a .br file. The server compresses nothing, and the binary contains
// each file once; clients without Brotli get it decompressed.
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
