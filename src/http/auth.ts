// Who may come in: the Host header, a token, a password with a session. On loopback nothing is asked unless it is configured.

import {createHash, randomBytes, scryptSync, timingSafeEqual} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import type {HttpSettings} from './deps.ts';
import {HttpError} from './errors.ts';

export type Auth = {
  /** True where a password or token is configured. */
  readonly required: boolean;
  /** Throws HttpError 421 for a Host that is not ours. */
  checkHost(request: IncomingMessage): void;
  /** Whether the request carries a session or a token. */
  allows(request: IncomingMessage): boolean;
  /** A `Set-Cookie` for the right password. Throws HttpError 401 or 429. */
  login(request: IncomingMessage, password: string): string;
  logout(request: IncomingMessage): string;
};

const COOKIE = 'wattledger_session';
const SESSION_MS = 30 * 86_400_000;
const MOST_SESSIONS = 100;
/** Wrong passwords an address may try in a minute. */
const TRIES = 5;
const MINUTE_MS = 60_000;

export function createAuth(settings: HttpSettings): Auth {
  const salt = randomBytes(16);
  // Kept as a derivation only: a dump of the process does not show it.
  const passwordHash = settings.password === undefined ? null : scryptSync(settings.password, salt, 32);
  const tokenHash = settings.token === undefined ? null : sha256(settings.token);
  const sessions = new Map<string, number>();
  const tries = new Map<string, {count: number; untilMs: number}>();
  const {host: listenHost} = splitHost(settings.listen);
  const names = new Set([...settings.hosts.map(name => name.toLowerCase()), listenHost.toLowerCase()]);

  const isProxy = (request: IncomingMessage): boolean => settings.trustProxy.includes(bare(request.socket.remoteAddress));
  const sessionOf = (request: IncomingMessage): string | null => {
    const cookie = /(?:^|;\s*)wattledger_session=([0-9a-f]{64})(?:;|$)/.exec(request.headers.cookie ?? '');
    return cookie?.[1] ?? null;
  };
  const cookieText = (value: string, maxAgeS: number, request: IncomingMessage): string => {
    const secure = isProxy(request) && request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
    return `${COOKIE}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeS}${secure}`;
  };

  return {
    required: passwordHash !== null || tokenHash !== null,
    checkHost(request) {
      if (isProxy(request)) return;
      const {host} = splitHost(request.headers.host ?? '');
      const asked = host.toLowerCase();
      const local = bare(request.socket.localAddress);
      // A page of somebody else whose name was pointed at us by DNS carries its own name here.
      const own = asked === local || names.has(asked) || (isLoopback(local) && (asked === 'localhost' || isLoopback(asked)));
      if (!own) throw new HttpError(421, `"${request.headers.host ?? ''}" is not a name of this page; list it under http.hosts`);
    },
    allows(request) {
      if (passwordHash === null && tokenHash === null) return true;
      const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (bearer !== undefined && tokenHash !== null && timingSafeEqual(sha256(bearer), tokenHash)) return true;
      const session = sessionOf(request);
      const until = session === null ? undefined : sessions.get(session);
      return until !== undefined && until > performance.now();
    },
    login(request, password) {
      const who = isProxy(request)
        ? String(request.headers['x-forwarded-for'] ?? '').split(',')[0] || bare(request.socket.remoteAddress)
        : bare(request.socket.remoteAddress);
      const now = performance.now();
      let own = tries.get(who);
      if (!own || own.untilMs < now) {
        own = {count: 0, untilMs: now + MINUTE_MS};
        tries.set(who, own);
      }
      if (tries.size > 1000) for (const [address, one] of tries) if (one.untilMs < now) tries.delete(address);
      if (own.count >= TRIES) throw new HttpError(429, 'too many tries; wait a minute', {'retry-after': '60'});
      if (passwordHash === null || !timingSafeEqual(scryptSync(password, salt, 32), passwordHash)) {
        own.count++;
        throw new HttpError(401, 'wrong password');
      }
      tries.delete(who);
      const session = randomBytes(32).toString('hex');
      sessions.set(session, now + SESSION_MS);
      for (const [old, until] of sessions) if (until < now || sessions.size > MOST_SESSIONS) sessions.delete(old);
      sessions.set(session, now + SESSION_MS);
      return cookieText(session, SESSION_MS / 1000, request);
    },
    logout(request) {
      const session = sessionOf(request);
      if (session !== null) sessions.delete(session);
      return cookieText('', 0, request);
    },
  };
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** An address without the prefix of IPv4 in IPv6. */
const bare = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');
const isLoopback = (address: string): boolean => address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);

/** `HOST:PORT` taken apart; an IPv6 address loses its brackets. */
export function splitHost(text: string): {host: string; port: number | null} {
  const match = /^(\[([^\]]*)\]|[^:]*)(?::(\d{1,5}))?$/.exec(text.trim());
  return {host: match?.[2] ?? match?.[1] ?? '', port: match?.[3] === undefined ? null : Number(match[3])};
}
