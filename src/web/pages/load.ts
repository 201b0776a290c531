// A question asked again when what it depends on changes. While the daemon is away its last answer stays; the head of the page says so.

import {useEffect, useState} from 'preact/hooks';
import {connected, Refused} from '../data.ts';
import {t} from '../text.ts';

type Loaded<T> = {readonly data: T | null; readonly error: string | null};

/** `key` names the question; `everyMs` asks again while the page is open. The last answer stays until the next one is there. */
export function useAnswer<T>(key: string, ask: () => Promise<T>, everyMs?: number): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({data: null, error: null});
  // The key stands for all that `ask` depends on.
  useEffect(() => {
    let current = true;
    const run = (): void =>
      void ask().then(
        data => current && setLoaded({data, error: null}),
        (error: Error) =>
          current && setLoaded(before => ({...before, error: error instanceof Refused ? error.message : t('reconnecting')})),
      );
    // Nobody looks at a hidden page; whoever comes back to it, or the daemon that does, brings it up to date.
    const again = (): void => {
      if (!document.hidden && connected.peek()) run();
    };
    run();
    const timer = everyMs === undefined ? undefined : setInterval(again, everyMs);
    document.addEventListener('visibilitychange', again);
    let was = connected.peek();
    const forget = connected.subscribe(is => {
      if (is && !was) again();
      was = is;
    });
    return () => {
      current = false;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', again);
      forget();
    };
  }, [key]);
  return loaded;
}
