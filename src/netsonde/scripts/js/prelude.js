// SPDX-License-Identifier: Apache-2.0
// What surrounds a script: calls that wait, console, timers, and how its value is brought back.
// Evaluated first; gives the function that `isolate.py` calls with the memory of its mailbox.
(function (memory) {
  "use strict";
  var global = globalThis;
  var atomics = Atomics;
  var stringify = JSON.stringify, parse = JSON.parse;
  var ASK = 1, LOG = 2, PROGRESS = 3, DONE = 4, FAILED = 5, UUID_OF = 6;
  var LONGEST_LINE = 4000;
  var head = new Int32Array(memory, 0, 4);
  var cells = new Uint16Array(memory, 16);

  // Memory shared with nobody else, threads and WebAssembly are of no use to a script, only to who breaks out.
  ["Atomics", "SharedArrayBuffer", "WebAssembly"].forEach(function (name) { delete global[name]; });

  function handOver() {
    atomics.store(head, 0, 1);
    while (atomics.load(head, 0) === 1) atomics.wait(head, 0, 1, 1);
  }

  function send(operation, text) {
    var start = 0;
    do {
      var count = Math.min(cells.length, text.length - start);
      for (var i = 0; i < count; i++) cells[i] = text.charCodeAt(start + i);
      start += count;
      head[1] = operation;
      head[2] = count;
      head[3] = start < text.length ? 1 : 0;
      handOver();
    } while (start < text.length);
    return receive();
  }

  function receive() {
    var text = "";
    for (;;) {
      for (var i = 0; i < head[2]; i += 8192) {
        text += String.fromCharCode.apply(null, cells.subarray(i, Math.min(i + 8192, head[2])));
      }
      if (!head[3]) return text;
      head[1] = 0;
      handOver();
    }
  }

  // Scripts were written for a server where calls gave data at once, and for browsers where they gave promises.
  // What we give is data that can also be waited for: `then` calls at once, and gives the same kind of value again.
  function answered(value) {
    if (value !== null && typeof value === "object") {
      hide(value, "then", function (done) { return follow(done, value); });
      hide(value, "catch", function () { return value; });
      hide(value, "finally", function (done) { if (done) done(); return value; });
    }
    return value;
  }

  function follow(done, value) {
    if (typeof done !== "function") return value;
    // Handed on as data: a promise that is resolved with something that has a `then` would ask it again, for ever.
    delete value.then;
    delete value.catch;
    delete value.finally;
    var next = done(value);
    return next instanceof Promise ? next : answered(next === undefined ? {} : next);
  }

  function hide(object, name, value) {
    Object.defineProperty(object, name, { value: value, configurable: true, writable: true, enumerable: false });
  }

  // `await` and promises never ask plain values for `then`; only scripts do, that wait for a number or a text.
  [Number, String, Boolean].forEach(function (kind) {
    hide(kind.prototype, "then", function (done) {
      var value = this.valueOf();
      return typeof done === "function" ? done(value) : value;
    });
    hide(kind.prototype, "catch", function () { return this.valueOf(); });
    hide(kind.prototype, "finally", function (done) { if (done) done(); return this.valueOf(); });
  });

  function request(url, method, body) {
    var text = body === undefined || body === null ? "" : typeof body === "string" ? body : stringify(body);
    var answer = parse(send(ASK, stringify([String(method || "GET").toUpperCase(), String(url), text])));
    if (answer[0] < 200 || answer[0] >= 300) {
      var error = new Error(answer[1].trim() || "status " + answer[0]);
      error.status = answer[0];
      throw error;
    }
    return answer[1];
  }

  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value);
    try { return stringify(value) || String(value); } catch (failed) { return String(value); }
  }

  function log() {
    var line = Array.prototype.map.call(arguments, shown).join(" ");
    send(LOG, line.length > LONGEST_LINE ? line.slice(0, LONGEST_LINE) + "…" : line);
  }

  var timers = [], lastTimer = 0;

  function after(delay, call, every) {
    timers.push({ id: ++lastTimer, at: Date.now() + Math.max(0, +delay || 0), call: call, every: every });
    return lastTimer;
  }

  function forget(id) {
    timers = timers.filter(function (timer) { return timer.id !== id; });
  }

  function sleep(ms) {
    var until = Date.now() + (+ms || 0), still = 0;
    while ((still = until - Date.now()) > 0) atomics.wait(head, 0, 0, still);
  }

  function timer(repeats) {
    return function (call, delay) {
      var given = Array.prototype.slice.call(arguments, 2);
      return after(delay, function () { call.apply(undefined, given); }, repeats ? Math.max(1, +delay || 0) : 0);
    };
  }

  global.console = { log: log, info: log, warn: log, error: log, debug: log };
  global.request = request;
  global.sleep = sleep;
  global.setTimeout = timer(false);
  global.setInterval = timer(true);
  global.clearTimeout = global.clearInterval = forget;
  global.Gremlin = function (query) { return request("/api/topology", "POST", { GremlinQuery: String(query) }); };
  global.UUID = function (version, namespace, name) {
    return parse(send(UUID_OF, stringify([+version || 4, String(namespace || ""), String(name === undefined ? "" : name)])));
  };
  global.progress = function (fraction, text) { send(PROGRESS, stringify([+fraction || 0, String(text || "")])); };
  global.run = function () {
    throw new Error("run() reads files of the server, which scripts may not: put the code into the workflow");
  };
  global.require = function () { return Object.assign({}, global); };

  var ended = false;

  function finish(value) {
    if (ended) return;
    ended = true;
    var text = stringify(value);
    send(DONE, text === undefined ? "null" : text);
  }

  function fail(error) {
    if (ended) return;
    ended = true;
    var known = error !== null && typeof error === "object";
    var message = known && error.message !== undefined ? error.name + ": " + error.message : shown(error);
    send(FAILED, stringify([String(message), known ? String(error.stack || "") : "", error instanceof SyntaxError]));
  }

  function settle(value) {
    if (value !== null && typeof value === "object" && typeof value.then === "function") {
      Promise.resolve(value).then(finish).catch(fail);
    } else {
      finish(value);
    }
  }

  function guarded(work) {
    try { work(); } catch (error) { try { fail(error); } catch (unspeakable) { fail("unknown error"); } }
  }

  return {
    answered: answered,
    request: request,
    // Run a source: as a function that is called, or for its value.
    start: function (kind, source, given) {
      guarded(function () {
        var named = "\n//# sourceURL=script";
        var values = parse(given);
        if (kind === "call") {
          var made = (0, eval)("(" + source + "\n)" + named);
          if (typeof made !== "function") throw new TypeError("a workflow must be one function, this is " + typeof made);
          settle(made.apply(undefined, values));
        } else {
          Object.keys(values).forEach(function (name) { global[name] = values[name]; });
          settle((0, eval)(source + named));
        }
      });
    },
    // Whether it has ended; else run what is due, and tell in how many ms the next timer is: -1 = there is none.
    step: function () {
      if (ended) return 0;
      var now = Date.now();
      var due = timers.filter(function (timer) { return timer.at <= now; });
      due.sort(function (one, other) { return one.at - other.at || one.id - other.id; });
      if (due.length) {
        var next = due[0];
        if (next.every) next.at = now + next.every; else forget(next.id);
        guarded(next.call);
        return 1;
      }
      if (!timers.length) return -1;
      return Math.max(1, Math.min.apply(null, timers.map(function (timer) { return timer.at; })) - now);
    },
    // Nothing will ever settle the promise that the script returned.
    abandon: function () { fail(new Error("it returned a promise that nothing can settle")); },
  };
})
