// SPDX-License-Identifier: Apache-2.0
// A shell as a script: asks for one statement after the other, says what each gives, and ends when there is no more.
// Run as a function in an isolate whose host knows the paths that begin with `shell:`.
function () {
  "use strict";
  var evaluate = eval;
  var ask = request;
  var PATIENCE = 50;
  var DEEPEST = 3;
  var MOST = 2000;

  // Names that may follow a name, for completion: own ones and inherited ones, of what a shell is used for.
  function names(value, depth) {
    var found = {}, count = 0;
    if (value === null || (typeof value !== "object" && typeof value !== "function") || value instanceof Promise) return found;
    // Members of a list are no names, and may be a million.
    var object = Array.isArray(value) || ArrayBuffer.isView(value) ? Object.getPrototypeOf(value) : value;
    for (; object && object !== Object.prototype && object !== Function.prototype; object = Object.getPrototypeOf(object)) {
      Object.getOwnPropertyNames(object).forEach(function (name) {
        if (name === "constructor" || name in found || ++count > MOST) return;
        var described = Object.getOwnPropertyDescriptor(object, name);
        found[name] = depth > 1 && "value" in described ? names(described.value, depth - 1) : {};
      });
    }
    return found;
  }

  var STANDARD = Object.getOwnPropertyNames(globalThis).filter(function (name) { return !/^(client|api|G)$/.test(name); });

  function known() {
    var found = names(globalThis, 1);
    Object.keys(found).forEach(function (name) {
      if (STANDARD.indexOf(name) < 0) found[name] = names(globalThis[name], DEEPEST);
    });
    return found;
  }

  function text(value) {
    if (value === undefined) return "";
    if (typeof value === "string") return value;
    if (typeof value === "function") return String(value);
    // What a step of a query is shows in its text; its value is what `result()` gives.
    if (value !== null && typeof value === "object" && typeof value.result === "function") return String(value);
    var written = JSON.stringify(value, null, 2);
    return written === undefined ? String(value) : written;
  }

  function show(value) {
    var shown;
    try { shown = text(value); } catch (failed) { shown = String(value); }
    if (shown) ask("shell:value", "PUT", shown);
  }

  function fail(error) {
    ask("shell:error", "PUT", error !== null && typeof error === "object" && error.message !== undefined
      ? (error.name === "Error" ? "" : error.name + ": ") + error.message : String(error));
  }

  function run(statement) {
    try {
      var value = evaluate(statement + "\n//# sourceURL=shell");
    } catch (error) {
      fail(error);
      return Promise.resolve();
    }
    return value instanceof Promise ? value.then(show, fail) : Promise.resolve(show(value));
  }

  globalThis.run = function (path) { return evaluate(ask("shell:file", "POST", String(path)) + "\n//# sourceURL=" + path); };

  return new Promise(function (over) {
    var waiting = null;
    function next() {
      clearInterval(waiting);
      var statement = JSON.parse(ask("shell:next", "POST", JSON.stringify(known())));
      if (statement === null) { over(null); return; }
      // While a promise is waited for there is always a timer, or its run would be given up.
      waiting = setInterval(function () {}, PATIENCE);
      run(statement).then(next, function (error) { fail(error); next(); });
    }
    next();
  });
}
