// Addresses for people to read, without what must not be read: a password before the host, a token in the query.

/** Words of a query that name a secret. */
const SECRET_WORDS = /([?&](?:[\w-]*(?:token|key|secret|password|auth)[\w-]*)=)[^&\s"']+/gi;
/** A password may hold an @ itself: the last one is before the host. */
const PASSWORD = /(:\/\/[^:@/\s"']*):[^/\s"']+@/g;

/** The text with the secrets of every address in it masked. */
export const maskUrls = (text: string): string => text.replaceAll(PASSWORD, '$1:********@').replaceAll(SECRET_WORDS, '$1********');
