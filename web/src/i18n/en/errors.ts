/** Texts for what the server refuses, by its code. */
export const errors = {
  offline: 'The server does not answer. Check that it runs and that you are on the same network.',
  bad_request: 'The server did not understand the request. Reload the page and try again.',
  bad_name: 'A room name may have letters of any script, digits, “-” and “_”, at most 64 bytes.',
  not_allowed: 'Something in it is not said here. Put it differently.',
  unauthorized: 'This needs a link with a key. Ask the host for it.',
  forbidden: 'Your link does not allow this. Ask the host for another one.',
  expired: 'Your link has expired. Ask the host for a new one.',
  not_found: 'There is nothing here by that name.',
  not_live: 'The room is not live.',
  exists: 'A room of that name exists already. Choose another name, or join it.',
  full: 'The room is full.',
  rate_limited: 'Too many attempts. Wait a moment and try again.',
  disk_full: 'The server’s disk is full. Whoever runs it has to make room first.',
  unavailable: 'The server cannot do this now. Try again in a moment.',
  internal: 'Something went wrong on the server. Try again; if it stays, look into its log.',
}
