// What a server that tried to listen says to a person.

import {AppError} from './errors.ts';

/** Why nobody can listen at `where`, from the error of a server that tried. */
export function listenError(error: Error & {readonly code?: string | undefined}, where: string): AppError {
  if (error.code === 'EADDRINUSE') return new AppError('PORT_TAKEN', where, 'the port is taken', {cause: error});
  if (error.code === 'EACCES') return new AppError('PORT_FORBIDDEN', where, 'this user may not listen there', {cause: error});
  return new AppError('FAILED', where, `cannot listen: ${error.message}`, {cause: error});
}
