// The running daemon by its own words, for `doctor`: latency, faults and load as they were measured, without asking a device twice.

import type {AppConfig} from '../config/load.ts';
import type {Finding} from '../core/checks.ts';
import type {Health} from '../core/health.ts';

const PATIENCE_MS = 3000;

type DaemonTold = {readonly lines: readonly string[]; readonly findings: readonly Finding[]};

/** Never throws: a daemon that is not there is a line. */
export async function askDaemon(config: AppConfig): Promise<DaemonTold> {
  if (!config.http) return {lines: ['not asked: `http:` is off'], findings: []};
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(config.http.listen) ?? [];
  const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host}:${port}/api/v1/health`;
  const {token, password} = config.http;
  try {
    const answer = await fetch(url, {
      headers: token === undefined ? {} : {authorization: `Bearer ${token}`},
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 401)
      return {
        lines: [`runs, and asks for ${password === undefined ? 'a token' : 'a password; with `http.token` it is asked here'}`],
        findings: [],
      };
    if (!answer.ok) return {lines: [`${url}: ${answer.status}`], findings: []};
    return told((await answer.json()) as Health);
  } catch (error) {
    const {code} = ((error as Error).cause ?? {}) as {code?: string};
    return {lines: [code === 'ECONNREFUSED' ? 'does not run' : `${url}: ${code ?? (error as Error).message}`], findings: []};
  }
}

const percent = (share: number | null): string => (share === null ? '?' : `${Math.round(share * 100)} %`);

function told(health: Health): DaemonTold {
  const {version, uptimeS, rssMb, tick, clock, devices, links, sinks, problems} = health;
  const faults = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([kind, count]) => `${count} × ${kind}`)
      .join(', ') || 'none';
  return {
    lines: [
      `version ${version}, up ${Math.round(uptimeS / 360) / 10} h, ${Math.round(rssMb)} MB, beat ${tick.seq} every ${tick.everyMs} ms, ${tick.missed} missed`,
      `clock ${clock.trusted ? 'set' : 'not set yet'}, ${clock.steps} steps`,
      ...devices.map(
        one =>
          `device ${one.id}: ${one.state}, ${one.latencyMs ?? '?'} ms an answer, ${one.polls} polls, faults ${faults(one.faults)}${one.lastFault ? `, last: ${one.lastFault}` : ''}`,
      ),
      ...links.map(one => `link ${one.name}: ${one.state}, busy ${percent(one.busLoad)}${one.lastError ? `, last: ${one.lastError}` : ''}`),
      ...sinks.map(one => `${one.name}: ${one.state}${one.lastError ? `, ${one.lastError}` : ''}`),
    ],
    findings: problems.map(what => ({where: 'daemon', what, todo: 'docs/troubleshooting.md has the symptom; the log tells since when'})),
  };
}
