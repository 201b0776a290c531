// Questions over MQTT: BASE/bridge/request/CMD is answered on BASE/bridge/response/CMD, or where the asker wants it. Read-only.

import type {Message} from './connection.ts';

/** Answers a command's question; may throw, the message is the error. */
export type Answers = Readonly<Record<string, (question: Readonly<Record<string, unknown>>) => unknown>>;
type Reply = {readonly topic: string; readonly payload: string; readonly correlationData?: Buffer};

const LONGEST_QUESTION = 10_000;
/** Questions that are being answered at one time; further ones are told to wait, and those of a flood nothing. */
const AT_ONCE = 8;
const FLOOD = 64;

/** Takes questions and sends replies. */
export function createResponder(base: string, answers: Answers, send: (reply: Reply) => Promise<unknown>): (message: Message) => void {
  let busy = 0;
  const wait: Answers = Object.fromEntries(
    Object.keys(answers).map(command => [
      command,
      () => {
        throw new Error('busy with other questions; ask again');
      },
    ]),
  );
  return message => {
    if (busy >= FLOOD) return;
    const known = busy < AT_ONCE ? answers : wait;
    busy++;
    void replyTo(message, base, known)
      .then(reply => reply && send(reply))
      .finally(() => busy--);
  };
}

/** Whether a broker would take a message there; it ends the connection of whoever sends to a wildcard. */
const isTopic = (topic: string | undefined): topic is string => topic !== undefined && /^[^$#+\0][^#+\0]{0,999}$/.test(topic);

/** The reply to a message, or null where there is none: retained requests are somebody's mistake of long ago. */
export async function replyTo(message: Message, base: string, answers: Answers): Promise<Reply | null> {
  const prefix = `${base}/bridge/request/`;
  if (!message.topic.startsWith(prefix) || message.retain) return null;
  const command = message.topic.slice(prefix.length);
  let question: Record<string, unknown> = {};
  let transaction: unknown;
  const finish = (body: object): Reply => ({
    topic: isTopic(message.responseTopic) ? message.responseTopic : `${base}/bridge/response/${command}`,
    payload: JSON.stringify({...body, ...(transaction === undefined ? {} : {transaction})}),
    ...(message.correlationData === undefined ? {} : {correlationData: message.correlationData}),
  });
  try {
    if (message.payload.length > LONGEST_QUESTION) throw new Error('the question is too long');
    if (message.payload.trim() !== '') {
      const parsed: unknown = JSON.parse(message.payload);
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('expected a JSON object');
      question = parsed as Record<string, unknown>;
      ({transaction} = question);
    }
    const answer = Object.hasOwn(answers, command) ? answers[command] : undefined;
    if (!answer) throw new Error(`no command "${command}"; there are ${Object.keys(answers).join(', ')}`);
    return finish({status: 'ok', data: await answer(question)});
  } catch (error) {
    return finish({status: 'error', data: null, error: error instanceof SyntaxError ? 'not JSON' : (error as Error).message});
  }
}
