// After the build: a .br file beside each file that gains from it, so that the server has nothing to compress.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const dist = new URL('dist', import.meta.url).pathname;
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isFile() || path.endsWith('.br')) continue;
  const raw = readFileSync(path);
  const small = brotliCompressSync(raw);
  if (small.length < raw.length * 0.9) writeFileSync(`${path}.br`, small);
}
