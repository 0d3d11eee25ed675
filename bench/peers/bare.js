// The floor: a pass-through that does nothing of the proxy's job.
const PREFIX = "/proxy";

export default {
  fetch(request, env) {
    const { url } = request;
    return fetch(env.CORE_URL + url.slice(url.indexOf(PREFIX) + PREFIX.length), request);
  },
};
