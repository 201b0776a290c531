// The manual page and the shell's completion, both from what the commands say of themselves.

import {execFileSync} from 'node:child_process';
import path from 'node:path';

const CLI = path.resolve(import.meta.dirname, '../../src/cli');
const node = (...args) => execFileSync(process.execPath, args, {encoding: 'utf8'});
let told;
/** What each command says of itself, by name, in the order of the overview. */
function all() {
  if (told) return told;
  const names = [...node(path.join(CLI, 'main.ts'), '--help').matchAll(/^ {2}(\w+) {2,}\S/gm)].map(match => match[1]);
  const program = `const all = {};
for (const name of ${JSON.stringify(names)}) all[name] = (await import(${JSON.stringify(`${CLI}/`)} + name + '.ts')).command;
process.stdout.write(JSON.stringify(all));`;
  told = JSON.parse(node('--input-type=module', '--eval', program));
  return told;
}

/** Names of the commands, in the order of the overview. */
export const commands = () => Object.keys(all());

/** Options of one command, with their dashes. */
export const optionsOf = command => [...Object.keys(all()[command].options), 'help', 'debug'].map(name => `--${name}`).sort();

/** Plain text as roff: no line may begin with a dot or a quote, backslashes and dashes are themselves. */
const roff = text =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

export function manPage(version) {
  const sections = Object.entries(all()).map(
    ([name, {summary, usage, help}]) =>
      `.SS "${roff(`${name}: ${summary}`)}"\n.nf\n${roff(`Usage: wattledger ${name} ${usage}\n\n${help.trimEnd()}`)}\n.fi`,
  );
  return `.TH WATTLEDGER 1 "" "wattledger ${version}" "User Commands"
.SH NAME
wattledger \\- home energy monitor that accounts for every watt
.SH SYNOPSIS
.B wattledger
.I COMMAND
[options]
.SH DESCRIPTION
Reads inverters, batteries and meters over Modbus, labels each watt with its source and its sink, keeps an exact ledger in SQLite, and hands
it out over MQTT and on a page. It only reads.
.SH COMMANDS
${sections.join('\n')}
.SH EXIT STATUS
0 done, 1 failed, 2 wrong usage or configuration, 3 a check found something.
.SH FILES
.TP
.I /etc/wattledger/wattledger.yaml
configuration of the service; \\fBwattledger init\\fR writes one
.TP
.I /var/lib/wattledger/wattledger.db
the ledger
.SH SEE ALSO
.I /usr/share/doc/wattledger
`;
}

export function completion() {
  const cases = commands().map(name => `    ${name}) words="${optionsOf(name).join(' ')}" ;;`);
  return `# Completion of wattledger for bash.
_wattledger() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands().join(' ')}" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="" ;;
  esac
  if [ "\${word#-}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _wattledger wattledger
`;
}
