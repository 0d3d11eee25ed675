//! blnk-edge: a self-hosted Proxy API for Blnk Core, as one Cloudflare Worker.
