// After the build: the pages at the top of the repository and those of docs/ as HTML, so that the server can show them without
// internet access. The Markdown is the source.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const DIST = fileURLToPath(new URL('dist', import.meta.url));
/** The server address in the pages. Links to it become relative. */
const ADDRESS = 'http://127.0.0.1:8000';

/** The pages at the top of the repository that the server shows. */
const TOP = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md'];
/** Maps a path in the repository to the path on the server: `docs/clients/kili.md` at `/docs/clients/kili`. */
const places = new Map(
  [...TOP, ...markdown('docs')].map((path) => [path, posix.join('docs', path.replace(/^docs\//, '').replace(/\.md$/, ''))]),
);
const NAV = ['README.md', 'docs/application.md', 'docs/schema.md', 'docs/lists.md', 'docs/frontend.md', 'docs/roles.md', 'docs/permissions.md', 'docs/protect.md', 'docs/delegation.md', 'docs/users.md', 'docs/accounts.md', 'docs/variables.md', 'docs/gateways.md', 'docs/tokens.md', 'docs/faces.md', 'docs/scim.md', 'docs/errors.md', 'docs/operating.md', 'docs/transfer.md', 'docs/scale.md', 'docs/architecture.md'];
const titles = new Map([...places.keys()].map((path) => [path, /^# (.+)$/m.exec(read(path))[1]]));
titles.set('README.md', 'Start');

const template = readFileSync(join(DIST, 'docs.html'), 'utf8');
for (const [path, place] of places) {
  const up = '../'.repeat(place.split('/').length - 1);
  const html = template
    .replaceAll('./assets/', `${up}assets/`)
    .replace('{{title}}', escape(titles.get(path)))
    .replace('{{top}}', up)
    .replace('{{nav}}', () => nav(path, place))
    .replace('{{page}}', () => render(path, place));
  const file = join(DIST, `${place}.html`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, html);
}
rmSync(join(DIST, 'docs.html'));

function nav(here, place) {
  const items = NAV.filter((path) => places.has(path)).map((path) => {
    const current = path === here ? ' aria-current="page"' : '';
    return `<li><a href="${relative(place, places.get(path))}"${current}>${escape(titles.get(path))}</a></li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}

function render(path, place) {
  const seen = new Map();
  let tables = 0;
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = this.parser.parseInline(tokens);
        return `<h${depth} id="${slug(text, seen)}">${text}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        const target = address(href, path, place);
        return target === null ? text : `<a href="${escape(target)}">${text}</a>`;
      },
      // The images are screenshots of this server's own pages.
      image: () => '',
    },
    hooks: {
      postprocess: (html) =>
        html
          .replaceAll('<table>', () => `<div class="table" tabindex="0" role="group" aria-label="Table ${(tables += 1)}"><table>`)
          .replaceAll('</table>', '</table></div>')
          .replaceAll(/<th([^>]*)><\/th>/g, '<td$1></td>')
          .replaceAll(/<p>\s*<\/p>/g, ''),
    },
  });
  return marked.parse(read(path).replaceAll(/<!--.*?-->\n?/g, ''));
}

/** The target of a link on the server; null if the server does not show that file. */
function address(href, path, place) {
  if (href.startsWith('#')) return href;
  if (href.startsWith(ADDRESS)) return relative(place, href.slice(ADDRESS.length).replace(/^\//, ''));
  if (/^[a-z]+:/.test(href)) return href;
  const [file, heading] = href.split('#');
  const target = posix.normalize(posix.join(posix.dirname(path), file));
  if (target === 'schema.graphql') return relative(place, target);
  if (!places.has(target)) return null;
  return relative(place, places.get(target)) + (heading ? `#${heading}` : '');
}

function relative(from, to) {
  return posix.relative(posix.dirname(from), to) || './';
}

/** The anchor of a heading, as on GitHub. */
function slug(html, seen) {
  const plain = html.replaceAll(/<[^>]+>/g, '').replaceAll(/&[a-z#0-9]+;/g, '');
  const name = plain.toLowerCase().replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
  const number = seen.get(name) ?? 0;
  seen.set(name, number + 1);
  return number ? `${name}-${number}` : name;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function read(path) {
  return readFileSync(join(REPOSITORY, path), 'utf8');
}

function markdown(folder) {
  const entries = readdirSync(join(REPOSITORY, folder), { recursive: true }).map((entry) => entry.replaceAll('\\', '/'));
  return entries.filter((entry) => entry.endsWith('.md')).map((entry) => posix.join(folder, entry)).sort();
}
