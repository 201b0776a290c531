// Builds the Debian package. Needs npm's registry and dpkg-deb; no compiler.

import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {optionsOf} from '../options.ts';
import {completion, manPage} from './manual.mjs';
import {binariesIn, needsOf} from './needs.mjs';
import {sbomOf} from './sbom.mjs';

const USAGE = `npm run package -- [--arch amd64|arm64] [--version V] [--out DIR] [--quick]
Builds the Debian package, by default for this machine and into dist/. --quick compresses little: for trying it, not for giving it away.`;
const values = optionsOf(USAGE, {arch: {type: 'string'}, version: {type: 'string'}, out: {type: 'string'}, quick: {type: 'boolean'}});
const root = path.resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const arch = values.arch ?? {x64: 'amd64', arm64: 'arm64'}[process.arch];
const cpu = {amd64: 'x64', arm64: 'arm64'}[arch];
if (!cpu)
  throw new Error(`--arch ${arch}: expected amd64 or arm64; there is no Node 24 and no better-sqlite3 for other Debian architectures`);
const version = values.version ?? manifest.version;
const out = path.resolve(values.out ?? path.join(root, 'dist'));
const stage = mkdtempSync(path.join(os.tmpdir(), 'wattledger-package-'));
process.on('exit', () => rmSync(stage, {recursive: true, force: true}));
const tree = path.join(stage, 'tree');
const lib = path.join(tree, 'usr/lib/wattledger');
const docs = path.join(tree, 'usr/share/doc/wattledger');

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wattledger

Files: *
Copyright: 2026 the wattledger maintainers
License: Apache-2.0

Files: usr/lib/wattledger/bin/node
Copyright: 2009-2026 Node.js contributors and others
License: Node

Files: usr/lib/wattledger/node_modules/*
Copyright: 2009-2026 their authors, named in each folder
License: see-packages

License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.

License: Node
 The texts are in node-license.gz beside this file.

License: see-packages
 Each folder holds its licence; sbom.cdx.json.gz beside this file lists them.
`;
/** The binaries are those of Node and of the packages, unchanged, so that their checksums can be compared. */
const OVERRIDES = `wattledger: unstripped-binary-or-object
wattledger: embedded-library
wattledger: embedded-javascript-library
wattledger: hardening-no-pie
`;

const say = text => process.stderr.write(`${text}\n`);
const run = (command, args, options = {}) =>
  execFileSync(command, args, {cwd: root, stdio: ['ignore', 'pipe', 'inherit'], ...options}).toString();
const put = (file, text, mode = 0o644) => {
  mkdirSync(path.dirname(file), {recursive: true});
  writeFileSync(file, text);
  chmodSync(file, mode);
};
const gzip = text => gzipSync(text, {level: 9});

mkdirSync(lib, {recursive: true});

say('1/6 the program');
run('npm', ['run', '-s', 'build']);
for (const folder of ['src', 'web']) cpSync(path.join(root, 'dist', folder), path.join(lib, 'dist', folder), {recursive: true});
cpSync(path.join(root, 'config'), path.join(lib, 'config'), {recursive: true});

say('2/6 its dependencies, as locked');
for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(root, file), path.join(lib, file));
run(
  'npm',
  ['ci', '--omit=dev', '--workspaces=false', '--ignore-scripts', '--no-audit', '--no-fund', '--os=linux', `--cpu=${cpu}`, '--libc=glibc'],
  {cwd: lib},
);
const lock = JSON.parse(readFileSync(path.join(lib, 'package-lock.json'), 'utf8'));
rmSync(path.join(lib, 'package-lock.json'));
put(path.join(lib, 'package.json'), `${JSON.stringify({name: manifest.name, version, type: 'module', private: true}, null, 2)}\n`);
prune(path.join(lib, 'node_modules'));
withoutScripts(lib);

say('3/6 Node');
const {optionalDependencies: runtimes} = JSON.parse(readFileSync(path.join(root, 'tools/runtime/package.json'), 'utf8'));
const runtime = `node-linux-${cpu}`;
const [{filename}] = JSON.parse(run('npm', ['pack', `${runtime}@${runtimes[runtime]}`, '--json', `--pack-destination=${stage}`]));
run('tar', ['-xzf', path.join(stage, filename), '-C', stage, 'package/bin/node', 'package/LICENSE']);
mkdirSync(path.join(lib, 'bin'), {recursive: true});
cpSync(path.join(stage, 'package/bin/node'), path.join(lib, 'bin/node'));
chmodSync(path.join(lib, 'bin/node'), 0o755);

say('4/6 what the system needs');
put(
  path.join(tree, 'usr/bin/wattledger'),
  // Small before fast, 45 MB less of a Pi's memory: a small nursery, a heap that grows late, one pool of native memory that is given back, and
  // one compiler instead of three, for nothing here is any faster with the others.
  `#!/bin/sh
export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
exec /usr/lib/wattledger/bin/node --max-semi-space-size=2 --optimize-for-size --no-opt --no-sparkplug /usr/lib/wattledger/dist/src/cli/main.js "$@"
`,
  0o755,
);
for (const unit of ['wattledger.service', 'wattledger-backup.service', 'wattledger-backup.timer'])
  cpSync(path.join(root, 'systemd', unit), path.join(tree, 'usr/lib/systemd/system', unit));
put(
  path.join(tree, 'usr/lib/sysusers.d/wattledger.conf'),
  'u wattledger - "home energy ledger" /var/lib/wattledger\nm wattledger dialout\n',
);
put(
  path.join(tree, 'etc/default/wattledger'),
  '# Environment of the service, such as secrets that the configuration takes with {env: NAME}.\n',
);
mkdirSync(path.join(tree, 'etc/wattledger'), {recursive: true});
put(path.join(tree, 'usr/share/man/man1/wattledger.1.gz'), gzip(manPage(version)));
put(path.join(tree, 'usr/share/bash-completion/completions/wattledger'), completion());
const examples = path.join(docs, 'examples');
for (const [from, to] of [
  ['config/site.example.yaml', 'wattledger.yaml'],
  ['tools/package/60-wattledger.rules', '60-wattledger.rules'],
  ...readdirSync(path.join(root, 'systemd'))
    .filter(name => name.endsWith('.conf'))
    .map(name => [`systemd/${name}`, name]),
])
  put(path.join(examples, to), readFileSync(path.join(root, from)));
// Not compressed: the pages lead to each other by name. The decisions of developers stay with the source.
for (const file of readdirSync(path.join(root, 'docs'), {recursive: true}).filter(
  name => path.extname(name) !== '' && !/^(adr|images)\//.test(name),
))
  put(path.join(docs, file), readFileSync(path.join(root, 'docs', file)));

say('5/6 papers');
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? run('git', ['log', '-1', '--format=%ct']).trim());
const maintainer = 'wattledger maintainers <maintainers@users.noreply.github.com>';
put(path.join(docs, 'copyright'), COPYRIGHT);
put(path.join(docs, 'node-license.gz'), gzip(readFileSync(path.join(stage, 'package/LICENSE'))));
put(path.join(docs, 'CHANGELOG.md.gz'), gzip(readFileSync(path.join(root, 'CHANGELOG.md'))));
put(path.join(docs, 'changelog.gz'), gzip(changelog()));
put(path.join(tree, 'usr/share/lintian/overrides/wattledger'), OVERRIDES);
const runtimeLock = lock.packages[`node_modules/${runtime}`];
put(
  path.join(docs, 'sbom.cdx.json.gz'),
  gzip(sbomOf({name: manifest.name, version, license: manifest.license, modules: path.join(lib, 'node_modules'), lock, runtimeLock})),
);
const control = path.join(tree, 'DEBIAN');
const kilobytes = Number(run('du', ['-sk', '--apparent-size', tree]).split('\t')[0]);
put(path.join(control, 'control'), controlFile(kilobytes));
put(path.join(control, 'conffiles'), '/etc/default/wattledger\n');
for (const script of ['postinst', 'prerm', 'postrm'])
  put(path.join(control, script), readFileSync(path.join(import.meta.dirname, 'debian', script)), 0o755);
modes(tree);
put(path.join(control, 'md5sums'), sums(tree));
chmodSync(path.join(tree, 'etc/wattledger'), 0o755);

say('6/6 the package');
mkdirSync(out, {recursive: true});
const file = path.join(out, `wattledger_${version}_${arch}.deb`);
run('dpkg-deb', ['--root-owner-group', ...(values.quick ? ['-Zgzip', '-z1'] : ['-Zxz']), '--build', tree, file], {
  env: {...process.env, SOURCE_DATE_EPOCH: String(epoch)},
});
say(`${file}: ${(statSync(file).size / 1_048_576).toFixed(1)} MB, ${Math.round(kilobytes / 1024)} MB installed`);

/** Native code of other machines, sources of it, and what only browsers and developers read. */
function prune(modules) {
  const drop = file => rmSync(path.join(modules, file), {recursive: true, force: true});
  for (const name of [
    'better-sqlite3/deps',
    'better-sqlite3/src',
    'better-sqlite3/binding.gyp',
    'date-holidays/dist',
    '.package-lock.json',
    '.bin',
    'mqtt/dist',
  ])
    drop(name);
  keepOnly(path.join(modules, 'better-sqlite3/prebuilds'), name => name === `linux-${cpu}.node`);
  keepOnly(path.join(modules, '@serialport/bindings-cpp/prebuilds'), name => name === `linux-${cpu}`);
  keepOnly(path.join(modules, `@serialport/bindings-cpp/prebuilds/linux-${cpu}`), name => !/musl/.test(name));
  for (const name of readdirSync(modules, {recursive: true, encoding: 'utf8'}))
    if (
      /\.(map|d\.[cm]?ts|markdown|html)$|(^|\/)(\.husky|\.github|\.vscode|\.eslintrc[^/]*|\.prettierrc[^/]*|\.npmignore|\.travis\.yml|\.editorconfig|\.gitattributes)$/.test(
        name,
      )
    )
      drop(name);
  for (const name of ['test', 'tests', 'benchmark', 'benchmarks', 'example', 'examples'])
    for (const folder of readdirSync(modules, {recursive: true, encoding: 'utf8'}).filter(
      one => path.basename(one) === name && !one.includes('date-holidays/data'),
    ))
      drop(folder);
}

/** Programs for a shell, which nobody calls here; the daemon's own begins without one. */
function withoutScripts(folder) {
  for (const entry of readdirSync(folder, {recursive: true, withFileTypes: true})) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || readFileSync(file).subarray(0, 2).toString() !== '#!') continue;
    if (file.includes('node_modules')) rmSync(file);
    else writeFileSync(file, readFileSync(file, 'utf8').replace(/^#!.*\n/, ''));
  }
}

function keepOnly(folder, good) {
  if (!existsSync(folder)) throw new Error(`${folder} is gone: where are the prebuilt binaries?`);
  const names = readdirSync(folder);
  if (!names.some(good)) throw new Error(`${folder} has nothing for this architecture`);
  for (const name of names) if (!good(name)) rmSync(path.join(folder, name), {recursive: true});
}

function controlFile(size) {
  const {libc, libstdcxx} = needsOf(binariesIn(lib));
  return `Package: wattledger
Version: ${version}
Architecture: ${arch}
Maintainer: ${maintainer}
Installed-Size: ${size}
Section: utils
Priority: optional
Depends: libc6 (>= ${libc}), libgcc-s1, libstdc++6 (>= ${libstdcxx}), systemd | systemd-sysusers
Recommends: systemd, ca-certificates
Suggests: mosquitto, sqlite3
Description: home energy monitor that accounts for every watt
 A daemon that reads inverters, batteries and meters over Modbus, labels each
 watt with its source and its sink, keeps an exact ledger in SQLite, and hands
 it to Home Assistant over MQTT and to people on a page.
 .
 It only reads: the code that could write to a device does not exist.
`;
}

function changelog() {
  const date = execFileSync('date', ['-u', '-R', '-d', `@${epoch}`], {encoding: 'utf8'}).trim();
  return `wattledger (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- ${maintainer}  ${date}\n`;
}

/** Files 644, or 755 where they are programs; folders 755. */
function modes(folder) {
  for (const entry of readdirSync(folder, {withFileTypes: true})) {
    const file = path.join(folder, entry.name);
    if (entry.isSymbolicLink()) continue;
    if (entry.isDirectory()) {
      chmodSync(file, 0o755);
      modes(file);
    } else {
      const program =
        /\/(usr\/bin|lib\/wattledger\/bin|DEBIAN\/(postinst|prerm|postrm))/.test(file) && !/conffiles|control|md5sums/.test(entry.name);
      chmodSync(file, program ? 0o755 : 0o644);
    }
  }
}

function sums(folder) {
  return `${readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile())
    .map(entry => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter(name => !name.startsWith('DEBIAN/') && !name.startsWith('etc/'))
    .sort()
    .map(
      name =>
        `${createHash('md5')
          .update(readFileSync(path.join(folder, name)))
          .digest('hex')}  ${name}`,
    )
    .join('\n')}\n`;
}
