// Who may come in: the Host header, a token, a password with a session. On loopback nothing is asked unless it is configured.

import {createHash, randomBytes, scrypt as scryptCallback, scryptSync, timingSafeEqual} from 'node:crypto';
import type {IncomingMessage} from 'node:http';
import {promisify} from 'node:util';
import type {HttpSettings} from './deps.ts';
import {HttpError} from './errors.ts';

/** Off the main thread: a derivation takes a quarter of a second on a Pi, and devices are polled meanwhile. */
const scrypt = promisify<string, Buffer, number, Buffer>(scryptCallback);

type Auth = {
  /** True where a password is set, so that there is something to log in with. */
  readonly hasLogin: boolean;
  /** Throws HttpError 421 for a Host that is not ours. */
  checkHost(request: IncomingMessage): void;
  /** Whether the request carries a session or a token. Throws HttpError 429 for an address that guesses. */
  allows(request: IncomingMessage): boolean;
  /** A `Set-Cookie` for the right password. Throws HttpError 401, 429 or 503. */
  login(request: IncomingMessage, password: string): Promise<string>;
  logout(request: IncomingMessage): string;
};

const COOKIE = 'wattledger_session';
const SESSION_MS = 30 * 86_400_000;
const MOST_SESSIONS = 100;
/** Wrong passwords or tokens an address may try in a minute. */
const TRIES = 5;
/** Of one network, in whatever addresses. */
const TRIES_OF_A_NETWORK = 50;
const MINUTE_MS = 60_000;
/** Logins that may wait for the one that is looked at: each derivation takes 16 MB, and a thread that name look-ups need as well. */
const MOST_WAITING = 20;
const MOST_ADDRESSES = 1000;

export function createAuth(settings: HttpSettings): Auth {
  const salt = randomBytes(16);
  // Kept as a derivation only: a dump of the process does not show it.
  const passwordHash = settings.password === undefined ? null : scryptSync(settings.password, salt, 32);
  const tokenHash = settings.token === undefined ? null : sha256(settings.token);
  const sessions = new Map<string, number>();
  const guesses = createGuesses();
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  /** One at a time. */
  function derive(password: string): Promise<Buffer> {
    waiting++;
    const mine = turn.then(() => scrypt(password, salt, 32)).finally(() => waiting--);
    turn = mine.catch(() => null);
    return mine;
  }
  const {host: listenHost} = splitHost(settings.listen);
  const names = new Set([...settings.hosts.map(name => name.toLowerCase()), listenHost.toLowerCase()]);

  const isProxy = (request: IncomingMessage): boolean => settings.trustProxy.includes(bare(request.socket.remoteAddress));
  /** Who asks. Of a proxy's list only what our own proxies wrote is believed: the nearest entry that is none of them. */
  const addressOf = (request: IncomingMessage): string => {
    const own = bare(request.socket.remoteAddress);
    if (!isProxy(request)) return own;
    const told = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map(text => bare(text.trim()));
    return told.filter(text => text !== '' && !settings.trustProxy.includes(text)).at(-1) ?? own;
  };
  const sessionOf = (request: IncomingMessage): string | null => {
    const cookie = /(?:^|;\s*)wattledger_session=([0-9a-f]{64})(?:;|$)/.exec(request.headers.cookie ?? '');
    return cookie?.[1] ?? null;
  };
  const cookieText = (value: string, maxAgeS: number, request: IncomingMessage): string => {
    const secure = isProxy(request) && request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
    return `${COOKIE}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeS}${secure}`;
  };

  return {
    hasLogin: passwordHash !== null,
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
      const session = sessionOf(request);
      if ((session === null ? 0 : (sessions.get(session) ?? 0)) > performance.now()) return true;
      const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (bearer === undefined || tokenHash === null) return false;
      const who = addressOf(request);
      guesses.check(who);
      const right = timingSafeEqual(sha256(bearer), tokenHash);
      if (!right) guesses.wrong(who);
      return right;
    },
    async login(request, password) {
      const who = addressOf(request);
      guesses.check(who);
      if (passwordHash === null) throw new HttpError(401, 'wrong password');
      if (waiting >= MOST_WAITING) throw new HttpError(503, 'too many log in at once', {'retry-after': '10'});
      // Counted before the derivation, so that many at once are many.
      guesses.wrong(who);
      if (!timingSafeEqual(await derive(password), passwordHash)) throw new HttpError(401, 'wrong password');
      guesses.right(who);
      const now = performance.now();
      const session = randomBytes(32).toString('hex');
      sessions.set(session, now + SESSION_MS);
      // A map keeps its order, so the oldest go first.
      for (const [old, until] of sessions) if (until < now || sessions.size > MOST_SESSIONS) sessions.delete(old);
      return cookieText(session, SESSION_MS / 1000, request);
    },
    logout(request) {
      const session = sessionOf(request);
      if (session !== null) sessions.delete(session);
      return cookieText('', 0, request);
    },
  };
}

/** Whoever has one IPv6 address has all of its /64, and could try five times with each of them. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? 0 : tail.split(':').length;
  while (tail !== undefined && groups.length + behind < 8) groups.push('0');
  return `${groups
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

/** Wrong tries by address, and by network: a home is one, and a device of it with an old token is not to lock out the others at once. */
function createGuesses() {
  const tries = new Map<string, {count: number; untilMs: number}>();
  const isTooMany = (who: string, most: number): boolean => {
    const own = tries.get(who);
    return own !== undefined && own.untilMs > performance.now() && own.count >= most;
  };
  return {
    /** Throws HttpError 429 after too many. */
    check(who: string): void {
      if (isTooMany(who, TRIES) || isTooMany(networkOf(who), TRIES_OF_A_NETWORK))
        throw new HttpError(429, 'too many tries; wait a minute', {'retry-after': '60'});
    },
    wrong(address: string): void {
      const now = performance.now();
      for (const who of new Set([address, networkOf(address)])) {
        const own = tries.get(who);
        tries.set(who, own && own.untilMs > now ? {...own, count: own.count + 1} : {count: 1, untilMs: now + MINUTE_MS});
      }
      if (tries.size > MOST_ADDRESSES)
        for (const [old, {untilMs}] of tries) if (untilMs < now || tries.size > MOST_ADDRESSES) tries.delete(old);
    },
    right: (who: string): void => {
      for (const one of [who, networkOf(who)]) tries.delete(one);
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
