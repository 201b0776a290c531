// Questions over MQTT: BASE/bridge/request/CMD is answered on BASE/bridge/response/CMD, or where the asker wants it. Read-only.

import type {Message} from './connection.ts';

/** Answers a command's question; may throw, the message is the error. */
export type Answers = Readonly<Record<string, (question: Readonly<Record<string, unknown>>) => unknown>>;
type Reply = {readonly topic: string; readonly payload: string; readonly correlationData?: Buffer};

const LONGEST_QUESTION = 10_000;
/** Questions that are being answered at one time, and those that wait for their turn; what a flood brings beyond is lost. */
const AT_ONCE = 8;
const MOST_WAITING = 256;
const TOO_LONG = ' '.repeat(LONGEST_QUESTION + 1);

/** Takes questions and sends replies, never to a topic below one of `own`: what we publish there is not for others to write over. */
export function createResponder(
  base: string,
  answers: Answers,
  send: (reply: Reply) => Promise<unknown>,
  own: readonly string[] = [base],
): (message: Message) => void {
  const waiting: Message[] = [];
  let busy = 0;
  async function work(): Promise<void> {
    if (busy >= AT_ONCE) return;
    busy++;
    for (let message = waiting.shift(); message; message = waiting.shift()) {
      const reply = await replyTo(message, base, answers, own);
      if (reply) await send(reply);
    }
    busy--;
  }
  return message => {
    // One that has no answer costs no place.
    if (message.retain || waiting.length >= MOST_WAITING) return;
    // What is refused for its length is not kept for its turn.
    waiting.push(message.payload.length > LONGEST_QUESTION ? {...message, payload: TOO_LONG} : message);
    void work();
  };
}

/** Whether a broker would take a message there; it ends the connection of whoever sends to a wildcard. */
const isTopic = (topic: string | undefined): topic is string => topic !== undefined && /^[^$#+\0][^#+\0]{0,999}$/.test(topic);

/** The reply to a message, or null where there is none: retained requests are somebody's mistake of long ago. */
export async function replyTo(message: Message, base: string, answers: Answers, own: readonly string[] = [base]): Promise<Reply | null> {
  const prefix = `${base}/bridge/request/`;
  if (!message.topic.startsWith(prefix) || message.retain) return null;
  const command = message.topic.slice(prefix.length);
  let question: Record<string, unknown> = {};
  let transaction: unknown;
  const usual = `${base}/bridge/response/`;
  // Whoever may only ask must not make us write over what we publish.
  const isForeign = (topic: string): boolean =>
    topic.startsWith(usual) || !own.some(prefix => topic === prefix || topic.startsWith(`${prefix}/`));
  const finish = (body: object): Reply => ({
    topic: isTopic(message.responseTopic) && isForeign(message.responseTopic) ? message.responseTopic : `${usual}${command}`,
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
