// SPDX-License-Identifier: Apache-2.0
// The API of scripts as Skydive 0.28 spells it: `client`, `api`, constructors of resources, predicates, `G`.
// Evaluated after the prelude; gets its hooks.
(function (hooks) {
  "use strict";
  var global = globalThis;
  var answered = hooks.answered;

  // ---- texts of queries -------------------------------------------------------------------------------------------

  function quoted(text) {
    return "'" + text.replace(/[\\']/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t") + "'";
  }

  function written(value) {
    if (typeof value === "string") return quoted(value);
    if (Array.isArray(value)) return value.map(written).join(", ");
    return String(value);
  }

  function term(name, given) {
    return name + "(" + Array.prototype.map.call(given, written).join(", ") + ")";
  }

  function Predicate(text) { this.text = text; }
  Predicate.prototype.toString = function () { return this.text; };

  var predicates = {};
  var names = { NE: "NE", GT: "GT", LT: "LT", GTE: "GTE", LTE: "LTE", IPV4RANGE: "IPV4RANGE", REGEX: "REGEX",
    WITHIN: "WITHIN", WITHOUT: "WITHOUT", INSIDE: "INSIDE", OUTSIDE: "OUTSIDE", BETWEEN: "BETWEEN", Metadata: "Metadata" };
  Object.keys(names).forEach(function (name) {
    predicates[name] = function () { return new Predicate(term(names[name], arguments)); };
  });
  var constants = { FOREVER: "FOREVER", NOW: "NOW", DESC: "DESC", ASC: "ASC" };
  Object.keys(constants).forEach(function (name) { predicates[name] = new Predicate(constants[name]); });

  // ---- steps: which follow which kind of step, as the reference has them ------------------------------------------

  var words = function (text) { return text.split(" "); };
  var STEPS = {
    graph: { same: "Context At", vertices: "V", edges: "E", flows: "Flows" },
    vertices: {
      same: "Has HasEither HasKey HasNot Dedup In Out Both Range Limit Sort Descendants Ascendants",
      edges: "InE OutE BothE", paths: "ShortestPathTo", graph: "Subgraph SubGraph", flows: "Flows",
      value: "Count Values Keys Sum", metrics: "Metrics", sockets: "Sockets",
    },
    edges: { same: "Has HasEither HasKey HasNot Dedup Range Limit Sort", vertices: "InV OutV BothV",
      graph: "Subgraph SubGraph", value: "Count Values Keys" },
    flows: { same: "Has HasEither HasKey HasNot Sort Dedup Limit Range", vertices: "Out In Both Nodes Hops CaptureNode",
      value: "Count Values Keys Sum", metrics: "Metrics", packets: "RawPackets", sockets: "Sockets", groups: "Group" },
    metrics: { same: "Aggregates", value: "Sum Count" },
    packets: { same: "BPF" },
    sockets: { same: "Has", value: "Values" },
    groups: { same: "MoreThan" },
    paths: {}, value: {},
  };
  var READ = {
    graph: function (found) { return new Graph(found && found[0] && found[0].Nodes, found && found[0] && found[0].Edges); },
    vertices: function (found) { return (found || []).map(function (one) { return fill(new GraphNode(), one); }); },
    edges: function (found) { return (found || []).map(function (one) { return fill(new GraphEdge(), one); }); },
    flows: function (found) { return found || []; },
    metrics: byId, packets: byId, sockets: byId, groups: byId,
    paths: function (found) { return (found || []).map(READ.vertices); },
    value: function (found) { return found; },
  };

  // Such answers are a list with one object of lists, or empty.
  function byId(found) { return Array.isArray(found) ? found[0] || {} : found; }

  function Step(kind, text) { this.kind = kind; this.text = text; }
  Step.prototype.toString = function () { return this.text; };
  Step.prototype.result = function () { return answered(READ[this.kind](ask(this.text))); };
  Step.prototype.then = function (done) { var found = this.result(); return found.then(done); };

  var kinds = {};
  Object.keys(STEPS).forEach(function (kind) {
    kinds[kind] = function (text) { Step.call(this, kind, text); };
    kinds[kind].prototype = Object.create(Step.prototype);
  });
  Object.keys(STEPS).forEach(function (kind) {
    Object.keys(STEPS[kind]).forEach(function (next) {
      words(STEPS[kind][next]).forEach(function (name) {
        kinds[kind].prototype[name] = function () {
          return new kinds[next === "same" ? kind : next](this.text + "." + term(name === "Subgraph" ? "SubGraph" : name, arguments));
        };
      });
    });
  });

  function ask(text) {
    var answer = hooks.request("/api/topology", "POST", { GremlinQuery: String(text) });
    return answer.trim() ? JSON.parse(answer) : null;
  }

  // ---- resources --------------------------------------------------------------------------------------------------

  function fill(object, fields) {
    Object.keys(fields || {}).forEach(function (name) { object[name] = fields[name]; });
    return object;
  }

  function resource(defaults) {
    return function Resource(fields) { fill(fill(this, defaults), fields); };
  }

  var Alert = resource({ Name: "", Description: "", Expression: "", Action: "", Trigger: "graph" });
  var Capture = resource({ GremlinQuery: "", BPFFilter: "", Name: "", Description: "", Type: "" });
  var EdgeRule = resource({ Name: "", Description: "", Src: "", Dst: "", Metadata: {} });
  var NodeRule = resource({ Name: "", Description: "", Action: "create", Query: "", Metadata: {} });
  var PacketInjection = resource({ Src: "", Dst: "", Type: "icmp4", Count: 1 });
  var Workflow = resource({ Name: "", Description: "", Source: "", Parameters: [] });

  function GraphNode(id, host, metadata) {
    fill(this, id !== null && typeof id === "object" ? id : { ID: id || "", Host: host || "", Metadata: metadata || {} });
  }

  function GraphEdge(id, host, parent, child, metadata) {
    fill(this, id !== null && typeof id === "object"
      ? id : { ID: id || "", Host: host || "", Parent: parent || "", Child: child || "", Metadata: metadata || {} });
  }

  function Graph(nodes, edges) {
    this.nodes = elements(nodes, GraphNode);
    this.edges = elements(edges, GraphEdge);
  }

  function elements(given, Kind) {
    var found = {};
    Object.keys(given || {}).forEach(function (key) { found[given[key].ID] = new Kind(given[key]); });
    return found;
  }

  function Resources(path, Kind) {
    this.create = function (object) { return answered(fill(new Kind(), call(path, "POST", sent(object)))); };
    this.list = function () {
      var found = call(path, "GET");
      Object.keys(found).forEach(function (id) { found[id] = fill(new Kind(), found[id]); });
      return answered(found);
    };
    this.get = function (id) { return answered(fill(new Kind(), call(path + "/" + encodeURIComponent(id), "GET"))); };
    this.delete = function (id) { call(path + "/" + encodeURIComponent(id), "DELETE"); return answered({}); };
  }

  // What is not set is not sent: the server knows the defaults, and would refuse a null.
  function sent(object) {
    var body = {};
    Object.keys(object).forEach(function (name) {
      if (object[name] !== undefined && object[name] !== null && typeof object[name] !== "function") body[name] = object[name];
    });
    return body;
  }

  function call(path, method, body) {
    var answer = hooks.request(path, method, body);
    return answer.trim() ? JSON.parse(answer) : {};
  }

  // A client for another server, or as another user, would be a way around who the script runs for.
  function Client() {
    this.alerts = new Resources("/api/alert", Alert);
    this.captures = new Resources("/api/capture", Capture);
    this.edgeRules = new Resources("/api/edgerule", EdgeRule);
    this.nodeRules = new Resources("/api/noderule", NodeRule);
    this.packetInjections = new Resources("/api/injectpacket", PacketInjection);
    this.workflows = new Resources("/api/workflow", Workflow);
    this.gremlin = {
      query: function (text) { return answered(ask(text)); },
      G: function () { return new kinds.graph("G"); },
    };
    this.G = this.gremlin.G();
    this.login = function () { return answered({}); };
  }

  var constructors = { Alert: Alert, Capture: Capture, EdgeRule: EdgeRule, NodeRule: NodeRule,
    PacketInjection: PacketInjection, Workflow: Workflow };
  global.client = new Client();
  global.api = fill(fill({ Client: Client, Graph: Graph, GraphNode: GraphNode, GraphEdge: GraphEdge }, constructors), predicates);
  global.G = global.client.G;
  fill(fill(global, constructors), predicates);
})
