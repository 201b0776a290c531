// The broker: its address, a login that works, and the secret in a file of its own.

import {shown} from '../../outlets/mqtt/connection.ts';
import {tryBroker} from '../broker.ts';
import {type Dialog, wrong, yesNo} from './dialog.ts';

/** A secret is written to `passwordFile` unless the file is there already (null: nothing to write). */
type ChosenBroker = {readonly url: string; readonly username: string | null; readonly password: string | null};
type BrokerOptions = {readonly url: string | null; readonly username: string | null; readonly password: string | null};

const ADDRESS = {
  text: 'Broker for MQTT, such as homeassistant.local (empty: none)',
  otherwise: '',
  help: 'Home Assistant and others get their values there. Its address, with mqtts:// in front where it wants an encrypted connection',
  read: (answer: string): string | null => (answer === '' ? null : brokerUrl(answer)),
};

/** `homeassistant.local`, `10.0.0.2:1884` or a whole URL as a URL. Throws AppError USAGE. */
function brokerUrl(answer: string): string {
  const url = answer.includes('://') ? answer : `mqtt://${answer}`;
  if (!/^((mqtts?|tcp|ssl):\/\/[^\s/]+\/?|wss?:\/\/\S+)$/.test(url) || !URL.canParse(url))
    return wrong(`"${answer}" is no address of a broker, such as mqtt://homeassistant.local:1883`);
  return url;
}

/** The broker the person wants, tried until it works or is taken as it is; null for none. */
export async function chooseBroker(dialog: Dialog, given: BrokerOptions): Promise<ChosenBroker | null> {
  let url = given.url === null ? await dialog.ask(ADDRESS) : brokerUrl(given.url);
  let {username, password} = given;
  while (url !== null) {
    dialog.say(`logging in at ${shown(url)} …`);
    const {problem} = await tryBroker(
      {url, protocol: 'auto', tls: {verify: true}, ...(username === null ? {} : {username}), ...(password === null ? {} : {password})},
      [],
      dialog.signal,
    );
    if (problem === null) {
      dialog.say('  the broker takes it');
      return {url, username, password};
    }
    dialog.say(`  ${problem}`);
    if (dialog.silent) return {url, username, password};
    if (/login/.test(problem)) {
      username = await dialog.ask({text: 'User name at the broker', otherwise: username ?? '', help: USER, read: answer => answer || null});
      password = await dialog.ask({text: 'Password', otherwise: '', help: SECRET, hidden: true, read: answer => answer || null});
      if (username !== null) continue;
    }
    if (await dialog.ask(yesNo('Keep it all the same', 'no', 'a broker that is away is waited for by the daemon')))
      return {url, username, password};
    [url, username, password] = [await dialog.ask(ADDRESS), null, null];
  }
  return null;
}
const USER = 'in Home Assistant a user of its own under People, or the login of the Mosquitto add-on';
const SECRET = 'is written to a file beside the configuration that only the service can read';
