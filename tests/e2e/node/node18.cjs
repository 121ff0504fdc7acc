// Node 18, Debian 12's, has File, but not as the global that the SDK looks for.
globalThis.File ??= require("node:buffer").File;
