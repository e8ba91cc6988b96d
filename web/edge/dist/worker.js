// edge/src/worker.ts
import { DurableObject } from "cloudflare:workers";

// pkg/package/workerd.js
import module from "./hookdesk_bg.wasm";

// pkg/package/hookdesk.js
var MemoryDesk = class {
  __destroy_into_raw() {
    const ptr = this.__wbg_ptr;
    this.__wbg_ptr = 0;
    MemoryDeskFinalization.unregister(this);
    return ptr;
  }
  free() {
    const ptr = this.__destroy_into_raw();
    __wbg_call_guard();
    wasm.__wbg_memorydesk_free(ptr, 0);
  }
  /**
   * An empty desk. With `noting`, all that follows has its `changes`.
   *
   * # Errors
   * A `TypeError` when an argument is not as described.
   * @param {At} at
   * @param {Options} options
   * @param {boolean | null} [noting]
   */
  constructor(at, options, noting) {
    let ret;
    __wbg_call_guard();
    ret = wasm.memorydesk_new(at, options, isLikeNone(noting) ? 16777215 : noting ? 1 : 0);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    this.__wbg_ptr = ret[0];
    Object.defineProperty(this, "__wbg_inst", { value: __wbg_instance_id, writable: true });
    MemoryDeskFinalization.register(this, { ptr: ret[0], instance: __wbg_instance_id }, this);
    return this;
  }
  /**
   * Takes what happens, in order, and says what follows from each.
   *
   * # Errors
   * A `TypeError` that names the first input that is not as described; those before it happened.
   * An error of the name `Broken` when this instance of the module is of no more use.
   * @param {Input[]} inputs
   * @returns {Handled[]}
   */
  run(inputs) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.memorydesk_run(this.__wbg_ptr, inputs);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
};
if (Symbol.dispose) MemoryDesk.prototype[Symbol.dispose] = MemoryDesk.prototype.free;
var StoredDesk = class {
  __destroy_into_raw() {
    const ptr = this.__wbg_ptr;
    this.__wbg_ptr = 0;
    StoredDeskFinalization.unregister(this);
    return ptr;
  }
  free() {
    const ptr = this.__destroy_into_raw();
    __wbg_call_guard();
    wasm.__wbg_storeddesk_free(ptr, 0);
  }
  /**
   * Takes a call whose body came in as bytes, of which one more than `mostBody()` are enough.
   *
   * # Errors
   * A `TypeError` when an argument is not as described. An error of the name `Broken` when this
   * instance of the module is of no more use: open the desk again in a new one.
   * @param {At} at
   * @param {Call} call
   * @param {Uint8Array | number[]} body
   * @returns {Handled}
   */
  call(at, call, body) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    const ptr0 = passArray8ToWasm0(body, wasm.__wbindgen_malloc);
    const len0 = WASM_VECTOR_LEN;
    let ret;
    __wbg_call_guard();
    ret = wasm.storeddesk_call(this.__wbg_ptr, at, call, ptr0, len0);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
  /**
   * Lets go of a list that nobody reads any more.
   *
   * # Errors
   * As for `call`.
   * @param {number} list
   */
  closeList(list) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.storeddesk_closeList(this.__wbg_ptr, list);
    if (ret[1]) {
      throw takeFromExternrefTable0(ret[0]);
    }
  }
  /**
   * Opens the desk that `storage` holds, or a new one, and brings its tables up to date.
   *
   * # Errors
   * A `TypeError` when an argument is not as described. An error of the name `Fault` when the
   * store cannot be opened.
   * @param {Storage} storage
   * @param {At} at
   * @param {Options} options
   */
  constructor(storage2, at, options) {
    let ret;
    __wbg_call_guard();
    ret = wasm.storeddesk_new(storage2, at, options);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    this.__wbg_ptr = ret[0];
    Object.defineProperty(this, "__wbg_inst", { value: __wbg_instance_id, writable: true });
    StoredDeskFinalization.register(this, { ptr: ret[0], instance: __wbg_instance_id }, this);
    return this;
  }
  /**
   * The next part of the body of a response that has a `list`.
   *
   * # Errors
   * An error of the name `Fault` when the list was given up, or the store cannot be read.
   * @param {number} list
   * @returns {Page}
   */
  page(list) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.storeddesk_page(this.__wbg_ptr, list);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
  /**
   * Takes in how a request ended.
   *
   * # Errors
   * As for `call`.
   * @param {At} at
   * @param {Report} report
   * @returns {Handled}
   */
  report(at, report) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.storeddesk_report(this.__wbg_ptr, at, report);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
  /**
   * Lets time pass: at the start, and whenever `nextWakeMs` is reached.
   *
   * # Errors
   * As for `call`.
   * @param {At} at
   * @returns {Handled}
   */
  wake(at) {
    if (this.__wbg_inst !== void 0 && this.__wbg_inst !== __wbg_instance_id) {
      throw new Error("Invalid stale object from previous Wasm instance");
    }
    let ret;
    __wbg_call_guard();
    ret = wasm.storeddesk_wake(this.__wbg_ptr, at);
    if (ret[2]) {
      throw takeFromExternrefTable0(ret[1]);
    }
    return takeFromExternrefTable0(ret[0]);
  }
};
if (Symbol.dispose) StoredDesk.prototype[Symbol.dispose] = StoredDesk.prototype.free;
function __wbg_reset_state() {
  __wbg_instance_id++;
  cachedDataViewMemory0 = null;
  cachedUint8ArrayMemory0 = null;
  if (typeof numBytesDecoded !== "undefined") numBytesDecoded = 0;
  if (typeof WASM_VECTOR_LEN !== "undefined") WASM_VECTOR_LEN = 0;
  __wbg_reinit_scheduled = false;
  wasmInstance = new WebAssembly.Instance(wasmModule, __wbg_get_imports());
  wasm = wasmInstance.exports;
  wasm.__wbindgen_start();
}
function mostBody() {
  let ret;
  __wbg_call_guard();
  ret = wasm.mostBody();
  return ret >>> 0;
}
function mostRead() {
  let ret;
  __wbg_call_guard();
  ret = wasm.mostRead();
  return ret >>> 0;
}
function workerOptions(env) {
  let ret;
  __wbg_call_guard();
  ret = wasm.workerOptions(env);
  if (ret[2]) {
    throw takeFromExternrefTable0(ret[1]);
  }
  return takeFromExternrefTable0(ret[0]);
}
function __wbg_get_imports() {
  const import0 = {
    __proto__: null,
    __wbg___wbindgen_debug_string_f249a2a76caa9a55: function(arg0, arg1) {
      const ret = debugString(arg1);
      const ptr1 = passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      const len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    },
    __wbg___wbindgen_number_get_934b640d0889af78: function(arg0, arg1) {
      const obj = arg1;
      const ret = typeof obj === "number" ? obj : void 0;
      getDataViewMemory0().setFloat64((arg0 >>> 0) + 8 * 1, isLikeNone(ret) ? 0 : ret, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, !isLikeNone(ret), true);
    },
    __wbg___wbindgen_rethrow_d953c34c2e20677f: function(arg0) {
      throw arg0;
    },
    __wbg___wbindgen_string_get_7ce8eee7fd327545: function(arg0, arg1) {
      const obj = arg1;
      const ret = typeof obj === "string" ? obj : void 0;
      var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
      var len1 = WASM_VECTOR_LEN;
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
      getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
    },
    __wbg___wbindgen_throw_4c88d8bf264fd984: function(arg0, arg1) {
      throw new Error(getStringFromWasm0(arg0, arg1));
    },
    __wbg_commit_2aceb6c799cdb84f: function() {
      return handleError(function(arg0, arg1) {
        const ret = arg0.commit(arg1);
        return ret;
      }, arguments);
    },
    __wbg_entries_7bb1459bd9b5c2b9: function(arg0) {
      const ret = Object.entries(arg0);
      return ret;
    },
    __wbg_from_eac91875c8a5ffa4: function(arg0) {
      const ret = Array.from(arg0);
      return ret;
    },
    __wbg_get_d7176cfb76d71114: function(arg0, arg1) {
      const ret = arg0[arg1 >>> 0];
      return ret;
    },
    __wbg_get_unchecked_e6325ad374eff861: function(arg0, arg1) {
      const ret = arg0[arg1 >>> 0];
      return ret;
    },
    __wbg_instanceof_Error_74e3cca0c4a69161: function(arg0) {
      let result;
      try {
        result = arg0 instanceof Error;
      } catch (_) {
        result = false;
      }
      const ret = result;
      return ret;
    },
    __wbg_isSafeInteger_1a35ba4d31e71d38: function(arg0) {
      const ret = Number.isSafeInteger(arg0);
      return ret;
    },
    __wbg_length_b03a0fabb109b1e9: function(arg0) {
      const ret = arg0.length;
      return ret;
    },
    __wbg_message_43d8c8f1d543a349: function(arg0) {
      const ret = arg0.message;
      return ret;
    },
    __wbg_new_37eb45aaf5eeb820: function() {
      const ret = new Array();
      return ret;
    },
    __wbg_new_4416a2fe2fac9c65: function(arg0, arg1) {
      const ret = new TypeError(getStringFromWasm0(arg0, arg1));
      return ret;
    },
    __wbg_new_787b9fb330d55d78: function(arg0, arg1) {
      const ret = new Error(getStringFromWasm0(arg0, arg1));
      return ret;
    },
    __wbg_of_4cc373bef1f715a4: function(arg0, arg1, arg2) {
      const ret = Array.of(arg0, arg1, arg2);
      return ret;
    },
    __wbg_parse_c3f72b5a24f83c01: function() {
      return handleError(function(arg0, arg1) {
        const ret = JSON.parse(getStringFromWasm0(arg0, arg1));
        return ret;
      }, arguments);
    },
    __wbg_push_c9f4893fc209f768: function(arg0, arg1) {
      const ret = arg0.push(arg1);
      return ret;
    },
    __wbg_query_3bda4ee9d6716561: function() {
      return handleError(function(arg0, arg1, arg2, arg3) {
        const ret = arg0.query(getStringFromWasm0(arg1, arg2), arg3);
        return ret;
      }, arguments);
    },
    __wbg_set_name_822e3903f3184979: function(arg0, arg1, arg2) {
      arg0.name = getStringFromWasm0(arg1, arg2);
    },
    __wbg_stringify_0a0fbf2ef722380a: function() {
      return handleError(function(arg0) {
        const ret = JSON.stringify(arg0);
        return ret;
      }, arguments);
    },
    __wbindgen_generic_0000000000000001: function(arg0) {
      const ret = arg0;
      return ret;
    },
    __wbindgen_generic_0000000000000002: function(arg0, arg1) {
      const ret = getStringFromWasm0(arg0, arg1);
      return ret;
    },
    __wbindgen_init_externref_table: function() {
      const table = wasm.__wbindgen_externrefs;
      table.set(0, void 0);
      table.set(1024, void 0);
      table.set(1025, null);
      table.set(1026, true);
      table.set(1027, false);
    }
  };
  return {
    __proto__: null,
    "./hookdesk_bg.js": import0
  };
}
function __wbg_call_guard() {
  if (__wbg_reinit_scheduled) {
    __wbg_reset_state();
    return;
  }
}
var __wbg_instance_id = 0;
var MemoryDeskFinalization = typeof FinalizationRegistry === "undefined" ? { register: () => {
}, unregister: () => {
} } : new FinalizationRegistry(({ ptr, instance }) => {
  if (instance === __wbg_instance_id) wasm.__wbg_memorydesk_free(ptr, 1);
});
var StoredDeskFinalization = typeof FinalizationRegistry === "undefined" ? { register: () => {
}, unregister: () => {
} } : new FinalizationRegistry(({ ptr, instance }) => {
  if (instance === __wbg_instance_id) wasm.__wbg_storeddesk_free(ptr, 1);
});
function addToExternrefTable0(obj) {
  const idx = wasm.__externref_table_alloc();
  wasm.__wbindgen_externrefs.set(idx, obj);
  return idx;
}
function debugString(val) {
  switch (typeof val) {
    // primitive types
    case "number":
    case "boolean":
    case "undefined":
      return `${val}`;
    case "string":
      return JSON.stringify(val);
    case "bigint":
      return `${val}n`;
    case "symbol":
      return val.description !== void 0 ? `Symbol(${val.description})` : "Symbol";
    case "function":
      return typeof val.name === "string" && val.name !== "" ? `Function(${val.name})` : "Function";
    case "object": {
      if (val === null) {
        return "null";
      }
      if (Array.isArray(val)) {
        return "[" + Array.from(val, debugString).join(", ") + "]";
      }
      if (val instanceof Error) {
        return `${val.name}: ${val.message}
${val.stack}`;
      }
      const toStringOutput = toString.call(val);
      const className = /\[object ([^\]]+)\]/.exec(toStringOutput)?.[1];
      if (className === void 0) {
        return toStringOutput;
      }
      if (className === "Object") {
        try {
          return "Object(" + JSON.stringify(val) + ")";
        } catch (_) {
          return "Object";
        }
      }
      return className;
    }
  }
}
var cachedDataViewMemory0 = null;
function getDataViewMemory0() {
  if (cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || cachedDataViewMemory0.buffer.detached === void 0 && cachedDataViewMemory0.buffer !== wasm.memory.buffer) {
    cachedDataViewMemory0 = new DataView(wasm.memory.buffer);
  }
  return cachedDataViewMemory0;
}
function getStringFromWasm0(ptr, len) {
  ptr = ptr >>> 0;
  return decodeText(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}
var cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
  if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {
    cachedUint8ArrayMemory0 = new Uint8Array(wasm.memory.buffer);
  }
  return cachedUint8ArrayMemory0;
}
function handleError(f, args) {
  try {
    return f.apply(this, args);
  } catch (e) {
    const idx = addToExternrefTable0(e);
    wasm.__wbindgen_exn_store(idx);
  }
}
function isLikeNone(x) {
  return x === void 0 || x === null;
}
function passArray8ToWasm0(arg, malloc) {
  const ptr = malloc(arg.length * 1, 1) >>> 0;
  getUint8ArrayMemory0().set(arg, ptr / 1);
  WASM_VECTOR_LEN = arg.length;
  return ptr;
}
function passStringToWasm0(arg, malloc, realloc) {
  if (realloc === void 0) {
    const buf = cachedTextEncoder.encode(arg);
    const ptr2 = malloc(buf.length, 1) >>> 0;
    getUint8ArrayMemory0().subarray(ptr2, ptr2 + buf.length).set(buf);
    WASM_VECTOR_LEN = buf.length;
    return ptr2;
  }
  let len = arg.length;
  let ptr = malloc(len, 1) >>> 0;
  const mem = getUint8ArrayMemory0();
  let offset = 0;
  for (; offset < len; offset++) {
    const code = arg.charCodeAt(offset);
    if (code > 127) break;
    mem[ptr + offset] = code;
  }
  if (offset !== len) {
    if (offset !== 0) {
      arg = arg.slice(offset);
    }
    ptr = realloc(ptr, len, len = offset + arg.length * 3, 1) >>> 0;
    const view = getUint8ArrayMemory0().subarray(ptr + offset, ptr + len);
    const ret = cachedTextEncoder.encodeInto(arg, view);
    offset += ret.written;
    ptr = realloc(ptr, len, offset, 1) >>> 0;
  }
  WASM_VECTOR_LEN = offset;
  return ptr;
}
var __wbg_reinit_scheduled = false;
function takeFromExternrefTable0(idx) {
  const value = wasm.__wbindgen_externrefs.get(idx);
  wasm.__externref_table_dealloc(idx);
  return value;
}
var cachedTextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
cachedTextDecoder.decode();
var MAX_SAFARI_DECODE_BYTES = 2146435072;
var numBytesDecoded = 0;
function decodeText(bytes) {
  numBytesDecoded += bytes.length;
  if (numBytesDecoded >= MAX_SAFARI_DECODE_BYTES) {
    cachedTextDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
    cachedTextDecoder.decode();
    numBytesDecoded = bytes.length;
  }
  return cachedTextDecoder.decode(bytes);
}
var cachedTextEncoder = new TextEncoder();
if (!("encodeInto" in cachedTextEncoder)) {
  cachedTextEncoder.encodeInto = function(arg, view) {
    const buf = cachedTextEncoder.encode(arg);
    view.set(buf);
    return {
      read: arg.length,
      written: buf.length
    };
  };
}
var WASM_VECTOR_LEN = 0;
var wasmModule;
var wasmInstance;
var wasm;
function __wbg_finalize_init(instance, module2) {
  wasmInstance = instance;
  wasm = instance.exports;
  wasmModule = module2;
  cachedDataViewMemory0 = null;
  cachedUint8ArrayMemory0 = null;
  wasm.__wbindgen_start();
  return wasm;
}
function initSync(module2) {
  if (wasm !== void 0) return wasm;
  if (module2 !== void 0) {
    if (Object.getPrototypeOf(module2) === Object.prototype) {
      ({ module: module2 } = module2);
    } else {
      console.warn("using deprecated parameters for `initSync()`; pass a single object instead");
    }
  }
  const imports = __wbg_get_imports();
  if (!(module2 instanceof WebAssembly.Module)) {
    module2 = new WebAssembly.Module(module2);
  }
  const instance = new WebAssembly.Instance(module2, imports);
  return __wbg_finalize_init(instance, module2);
}

// pkg/package/workerd.js
async function init() {
  initSync({ module });
}

// edge/src/worker.ts
var worker_default = {
  fetch(request, env) {
    return env.DESK.get(env.DESK.idFromName("desk")).fetch(request);
  }
};
var Desk = class extends DurableObject {
  #desk;
  /** When the alarm is set to go, in milliseconds of unix time. */
  #alarm = Infinity;
  constructor(ctx, env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      await init();
      this.#work((desk) => desk.wake(moment()));
    });
  }
  async fetch(request) {
    const body = await take(request.body, mostBody() + 1);
    const { pathname, search } = new URL(request.url);
    const call = { method: request.method, path: pathname, query: search.slice(1) };
    const headers = [...request.headers];
    const { response } = this.#work((desk) => desk.call(moment(), { ...call, headers }, body));
    if (response === void 0) throw new Error("a call has a response");
    const { status, list } = response;
    const whole = list === void 0 ? response.body : this.#pages(response.body, list);
    return new Response(whole, { status, headers: response.headers });
  }
  async alarm() {
    this.#alarm = Infinity;
    this.#work((desk) => desk.wake(moment()));
  }
  /** Has the desk do a step, and does what follows. All of it is one write to the disk. */
  #work(step) {
    const handled = this.#guard(() => step(this.#open()));
    if (handled.fault !== void 0) console.error(`the store failed: ${handled.fault}`);
    if (handled.nextWakeMs !== void 0 && handled.nextWakeMs < this.#alarm) {
      this.#alarm = handled.nextWakeMs;
      void this.ctx.storage.setAlarm(this.#alarm);
    }
    for (const request of handled.requests) void this.#carry(request);
    return handled;
  }
  /** Lets go of a desk that broke, so that the next step has a new one over the same rows. */
  #guard(step) {
    try {
      return step();
    } catch (error) {
      console.error(error);
      this.#desk = void 0;
      const name = error instanceof Error ? error.name : "";
      if (name === "Broken" || name === "RuntimeError") __wbg_reset_state();
      throw error;
    }
  }
  #open() {
    this.#desk ??= new StoredDesk(storage(this.ctx.storage), moment(), workerOptions(this.env));
    return this.#desk;
  }
  async #carry(request) {
    const start = Date.now();
    const heard = await send(request);
    const report = { key: request.key, durationMs: Date.now() - start, ...heard };
    try {
      this.#work((desk) => desk.report(moment(), report));
    } catch {
    }
  }
  /** The body of a long list, each page read when the one before it is taken. */
  #pages(first, list) {
    const encoder = new TextEncoder();
    return new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode(first)),
      pull: (controller) => {
        const { text, more } = this.#guard(() => this.#open().page(list));
        controller.enqueue(encoder.encode(text));
        if (!more) controller.close();
      },
      cancel: () => this.#guard(() => this.#open().closeList(list))
    });
  }
};
function moment() {
  const bytes = crypto.getRandomValues(new Uint8Array(48));
  const chance = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { nowMs: Date.now(), chance };
}
function storage(rows) {
  const { sql } = rows;
  return {
    query: (text, values) => [...sql.exec(text, ...values).raw()],
    commit: (statements) => {
      const conflict = new Error("a row is not as it was expected");
      try {
        rows.transactionSync(() => {
          for (const [text, values, changes] of statements) {
            sql.exec(text, ...values);
            if (changes === void 0) continue;
            const { changed } = sql.exec("SELECT changes() AS changed").one();
            if (changed !== changes) throw conflict;
          }
        });
        return true;
      } catch (error) {
        if (error === conflict) return false;
        throw error;
      }
    }
  };
}
async function send({ url, headers, body, timeoutMs }) {
  const signal = AbortSignal.timeout(timeoutMs);
  let response;
  try {
    response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  } catch (error) {
    return { failure: signal.aborted ? "timeout" : failure(error) };
  }
  try {
    const text = new TextDecoder().decode(await take(response.body, mostRead()));
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, retryAfter, body: text };
  } catch {
    return { failure: signal.aborted ? "timeout" : "reset" };
  }
}
function failure(error) {
  const words = String(error);
  if (words.includes("internal error")) return "dns";
  return words.includes("Network connection lost") ? "connect" : "protocol";
}
async function take(body, most) {
  const pieces = [];
  let length = 0;
  const reader = body?.getReader();
  while (reader !== void 0 && length < most) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value.subarray(0, most - length));
    length += value.byteLength;
  }
  if (length >= most) await reader?.cancel();
  const taken = new Uint8Array(Math.min(length, most));
  let at = 0;
  for (const piece of pieces) {
    taken.set(piece, at);
    at += piece.byteLength;
  }
  return taken;
}
export {
  Desk,
  worker_default as default
};
