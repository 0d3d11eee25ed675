// What each credential has under way at Core. It is counted here, where the end of a fetch is seen, and beside the
// wasm, whose instance may be replaced meanwhile.

let most = 0;

/** Takes over how many requests of a credential may be under way; 0 for any number. */
export function limitFlights(number) {
  most = number;
}

/** What is under way at Core, a set of flights for each credential that has any. */
const underWay = new Map();

/**
 * Counts a request of a credential as under way, until it lands or, at the latest, in `longestMs`: where the platform
 * drops a request whose caller hung up, nothing of ours runs any more, and what is not counted down would lock the
 * credential out.
 *
 * @returns what is to `land`; null where there are too many already
 */
export function takeOff(credential, longestMs) {
  if (most === 0) return undefined;
  const now = Date.now();
  let flights = underWay.get(credential);
  if (flights === undefined) {
    flights = new Set();
    underWay.set(credential, flights);
  }
  if (flights.size >= most) {
    for (const flight of flights) if (flight.until < now) flights.delete(flight);
    if (flights.size >= most) return null;
  }
  const flight = { credential, until: now + longestMs };
  flights.add(flight);
  return flight;
}

/** Core answered, or will not. */
export function land(flight) {
  const flights = underWay.get(flight?.credential);
  if (flights?.delete(flight) && flights.size === 0) underWay.delete(flight.credential);
}
