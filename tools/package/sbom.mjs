// The package's bill of materials, CycloneDX 1.5: what is really in it, read from the folders, with the checksums of the lockfile.

import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';

/** `modules`: the packed node_modules; `lock`: package-lock.json; `runtimeLock`: the lock's entry of the Node inside. */
export function sbomOf({name, version, license, modules, lock, runtimeLock}) {
  const parts = folders(modules).map(folder => {
    const {name: own, version: release, license: terms} = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    return component(own, release, termsOf(terms), lock.packages[`node_modules/${path.relative(modules, folder)}`]?.integrity);
  });
  const node = {...component('node', runtimeLock.version, 'MIT', runtimeLock.integrity), purl: `pkg:generic/node@${runtimeLock.version}`};
  const components = [node, ...parts].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  return `${JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.5',
      version: 1,
      metadata: {component: {...component(name, version, license), type: 'application'}},
      components,
    },
    null,
    2,
  )}\n`;
}

/** Folders of packages, nested ones included. */
function folders(modules) {
  return readdirSync(modules, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile() && entry.name === 'package.json')
    .map(entry => entry.parentPath)
    .filter(folder => /(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/.test(folder));
}

/** Old packages tell their licence as an object, or as a list. */
const termsOf = terms => (Array.isArray(terms) ? terms.map(termsOf).join(' OR ') : (terms?.type ?? terms));

function component(name, version, license, integrity) {
  const [algorithm, digest] = integrity?.split('-') ?? [];
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(license ? {licenses: [/ (OR|AND) /.test(license) ? {expression: license} : {license: {id: license}}]} : {}),
    ...(algorithm === 'sha512' ? {hashes: [{alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex')}]} : {}),
  };
}
