// `with breaker:`, in plain C API because pybind11's dispatch alone would cost more than all of the breaker.
//
// A breaker is shared by threads, asyncio tasks and generators whose with statements overlap in any order, so the permit that __enter__
// takes can't be kept in the breaker under "the last one". Python loads both methods before it calls either (The Python Language
// Reference, 8.5), and keeps the loaded __exit__ until the block is left. So the two loads of one with statement return the same new
// object, a Turn, and the Turn keeps the permit: called without arguments it enters, called with three it leaves. It is found by no
// table, and what is not left for any reason gives its permit back when the interpreter drops the Turn.
//
//     load of the first method    a new Turn, remembered as this thread's `pending`
//     load of the second          the pending Turn, which is pending no longer
//     call without arguments      takes a permit into the Turn; for `async with` the Turn is then awaited, and is ready at once
//     call with three             ends the permit
//
// Who calls the methods as functions (contextlib.ExitStack does: type(breaker).__enter__(breaker)) has no Turn of both halves. Such
// permits wait in BreakerObject::entered, and __exit__ takes the youngest of its own thread and context.
#include "errors.hpp"
#include "policy_objects.hpp"

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY READONLY
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <iterator>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace switchgear::bindings {
namespace {

enum Half : unsigned char { enter_half = 1, exit_half = 2, both_halves = 3 };

#if PY_VERSION_HEX >= 0x030E0000
constexpr Half loaded_first = exit_half;
#else
constexpr Half loaded_first = enter_half;
#endif

// Of standard layout, for offsetof().
struct Callable {
  PyObject ob_base;
  vectorcallfunc vectorcall;
};

struct Turn {
  Callable head;
  PyObject* owner;  // a strong reference to the breaker's Python object
  BreakerObject* breaker;
  unsigned char loaded;
  bool is_async;
  bool entering;  // what awaiting it gives: the breaker, or None
  std::optional<Permit> permit;
};

/// In the class, in the place of a method.
struct Method {
  Callable head;
  Half half;
  bool is_async;
};

PyTypeObject* turn_type = nullptr;
PyTypeObject* breaker_type = nullptr;
PyObject* outcome_name = nullptr;
thread_local PyObject* pending = nullptr;  // a strong reference; a thread may end with one that it loaded but never called

Turn* as_turn(PyObject* object) noexcept { return reinterpret_cast<Turn*>(object); }
Method* as_method(PyObject* object) noexcept { return reinterpret_cast<Method*>(object); }

/// Runs what may throw, for a caller that is C.
template <class F>
PyObject* translated(F&& function) noexcept {
  try {
    return std::forward<F>(function)();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const Error& error) {
    const py::object exception = to_python(error);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

BreakerObject* breaker_in(PyObject* owner) {
  auto* instance = reinterpret_cast<py::detail::instance*>(owner);
  auto* breaker = instance->get_value_and_holder().value_ptr<BreakerObject>();
  if (breaker == nullptr) PyErr_SetString(PyExc_TypeError, "the circuit breaker's __init__ was not called");
  return breaker;
}

Permit take_permit(BreakerObject& breaker) {
  std::optional<Permit> permit = breaker.breaker.acquire();
  if (!permit) throw breaker.breaker.refusal();
  return std::move(*permit);
}

/// Tells tasks on one thread apart. Null in a thread that never used contextvars.
const void* current_context() noexcept { return PyThreadState_Get()->context; }

void enter_by_hand(BreakerObject& breaker) {
  Permit permit = take_permit(breaker);
  const std::lock_guard lock(breaker.mutex);
  breaker.entered.push_back({std::this_thread::get_id(), current_context(), std::move(permit)});
}

std::optional<Permit> entered_by_hand(BreakerObject& breaker) {
  const auto thread = std::this_thread::get_id();
  const void* const context = current_context();
  const std::lock_guard lock(breaker.mutex);
  auto& entered = breaker.entered;
  auto found = std::find_if(entered.rbegin(), entered.rend(), [&](const auto& e) { return e.thread == thread && e.context == context; });
  // A context may have come into being since, and a generator may be closed by another thread.
  if (found == entered.rend()) found = std::find_if(entered.rbegin(), entered.rend(), [&](const auto& e) { return e.thread == thread; });
  if (found == entered.rend()) found = entered.rbegin();
  if (found == entered.rend()) return std::nullopt;
  std::optional<Permit> permit(std::move(found->permit));
  entered.erase(std::next(found).base());
  return permit;
}

/// `permit` or, without one, that of an __enter__ called as a function.
void leave(PyObject* owner, BreakerObject& breaker, std::optional<Permit> permit, PyObject* exception) {
  if (!permit) permit = entered_by_hand(breaker);
  if (!permit) throw std::runtime_error("__exit__ of a circuit breaker without its __enter__");
  if (exception == Py_None) {
    permit->success();
  } else {
    end_by_exception(owner, std::move(*permit), exception);
  }
}

// ------------------------------------------------------------------------------------------------------------------------ the Turn

PyObject* call_turn(PyObject* self, PyObject* const* arguments, std::size_t flags, PyObject* keywords) noexcept {
  Turn* const turn = as_turn(self);
  const Py_ssize_t count = PyVectorcall_NARGS(flags);
  if (keywords != nullptr || (count != 0 && count != 3)) {
    PyErr_SetString(PyExc_TypeError, "__enter__ takes no argument, __exit__ three");
    return nullptr;
  }
  turn->entering = count == 0;
  return translated([&]() -> PyObject* {
    if (count == 3) {
      leave(turn->owner, *turn->breaker, std::exchange(turn->permit, std::nullopt), arguments[1]);
    } else if (turn->loaded == both_halves && !turn->permit) {
      turn->permit.emplace(take_permit(*turn->breaker));
    } else {
      enter_by_hand(*turn->breaker);
    }
    PyObject* const result = turn->is_async ? self : count == 0 ? turn->owner : Py_None;
    Py_INCREF(result);
    return result;
  });
}

PyObject* turn_itself(PyObject* self) noexcept {
  Py_INCREF(self);
  return self;
}

/// An awaitable that is ready at once: its iterator ends with the result.
PyObject* turn_next(PyObject* self) noexcept {
  if (as_turn(self)->entering) PyErr_SetObject(PyExc_StopIteration, as_turn(self)->owner);
  return nullptr;
}

void free_turn(PyObject* self) noexcept {
  Turn* const turn = as_turn(self);
  turn->permit.~optional();
  Py_DECREF(turn->owner);
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

Turn* new_turn(PyObject* owner, bool is_async) noexcept {
  BreakerObject* const breaker = breaker_in(owner);
  if (breaker == nullptr) return nullptr;
  Turn* const turn = PyObject_New(Turn, turn_type);
  if (turn == nullptr) return nullptr;
  turn->head.vectorcall = call_turn;
  Py_INCREF(owner);
  turn->owner = owner;
  turn->breaker = breaker;
  turn->loaded = 0;
  turn->is_async = is_async;
  turn->entering = false;
  new (&turn->permit) std::optional<Permit>();
  return turn;
}

// --------------------------------------------------------------------------------------------------------------------- the methods

/// breaker.__enter__: a half of a Turn.
PyObject* load_method(PyObject* self, PyObject* owner, PyObject* /*type*/) noexcept {
  if (owner == nullptr || owner == Py_None) return turn_itself(self);
  if (PyObject_TypeCheck(owner, breaker_type) == 0) {
    PyErr_SetString(PyExc_TypeError, "this is a method of circuit breakers");
    return nullptr;
  }
  const Method* const method = as_method(self);
  if (method->half != loaded_first && pending != nullptr) {
    Turn* const turn = as_turn(pending);
    if (turn->owner == owner && turn->is_async == method->is_async) {
      turn->loaded = both_halves;
      return std::exchange(pending, nullptr);
    }
  }
  Turn* const turn = new_turn(owner, method->is_async);
  if (turn == nullptr) return nullptr;
  turn->loaded = method->half;
  auto* const object = reinterpret_cast<PyObject*>(turn);
  if (method->half == loaded_first) {
    Py_INCREF(object);
    Py_XDECREF(std::exchange(pending, object));
  }
  return object;
}

/// type(breaker).__enter__(breaker), type(breaker).__exit__(breaker, type, exception, traceback)
PyObject* call_method(PyObject* self, PyObject* const* arguments, std::size_t flags, PyObject* keywords) noexcept {
  const Method* const method = as_method(self);
  const bool enters = method->half == enter_half;
  if (keywords != nullptr || PyVectorcall_NARGS(flags) != (enters ? 1 : 4) || PyObject_TypeCheck(arguments[0], breaker_type) == 0) {
    PyErr_SetString(PyExc_TypeError, enters ? "__enter__ takes a circuit breaker" : "__exit__ takes a circuit breaker and three more");
    return nullptr;
  }
  Turn* const turn = new_turn(arguments[0], method->is_async);
  if (turn == nullptr) return nullptr;
  turn->loaded = method->half;
  PyObject* const result = call_turn(reinterpret_cast<PyObject*>(turn), arguments + 1, static_cast<std::size_t>(enters ? 0 : 3), nullptr);
  Py_DECREF(turn);
  return result;
}

void free_method(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

template <class F>
void* slot(F* function) noexcept {
  return reinterpret_cast<void*>(function);
}

PyTypeObject* make_type(const char* name, std::size_t size, std::initializer_list<PyType_Slot> slots) {
  static std::array<PyMemberDef, 2> members = {
      {{"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Callable, vectorcall), Py_READONLY, nullptr}, {nullptr, 0, 0, 0, nullptr}}};
  std::vector<PyType_Slot> all(slots);
  all.push_back({Py_tp_call, slot(&PyVectorcall_Call)});
  all.push_back({Py_tp_members, members.data()});
  all.push_back({0, nullptr});
  PyType_Spec spec = {name, static_cast<int>(size), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      all.data()};
  PyObject* const type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  return reinterpret_cast<PyTypeObject*>(type);
}

py::object make_method(PyTypeObject* type, Half half, bool is_async) {
  Method* const method = PyObject_New(Method, type);
  if (method == nullptr) throw py::error_already_set();
  method->head.vectorcall = call_method;
  method->half = half;
  method->is_async = is_async;
  return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(method));
}

}  // namespace

void end_by_exception(const py::handle& breaker, Permit permit, const py::handle& exception,
                      std::optional<std::chrono::nanoseconds> duration) {
  // A classifier that raises leaves the permit to its destructor: nothing is counted.
  const auto verdict = py::reinterpret_steal<py::object>(PyObject_CallMethodObjArgs(breaker.ptr(), outcome_name, exception.ptr(), nullptr));
  if (!verdict) throw py::error_already_set();
  int outcome = 0;
  long long retry_after_ns = 0;
  if (PyArg_ParseTuple(verdict.ptr(), "iL", &outcome, &retry_after_ns) == 0) throw py::error_already_set();
  permit.end(static_cast<Outcome>(outcome), duration, std::chrono::nanoseconds(retry_after_ns));
}

void add_with_statement(py::class_<BreakerObject>& breaker) {
  breaker_type = reinterpret_cast<PyTypeObject*>(breaker.ptr());
  outcome_name = PyUnicode_InternFromString("_outcome_of");
  turn_type = make_type("switchgear._core.BreakerTurn", sizeof(Turn),
                        {{Py_tp_dealloc, slot(&free_turn)},
                         {Py_am_await, slot(&turn_itself)},
                         {Py_tp_iter, slot(&turn_itself)},
                         {Py_tp_iternext, slot(&turn_next)}});
  PyTypeObject* const method_type = make_type("switchgear._core.BreakerMethod", sizeof(Method),
                                              {{Py_tp_dealloc, slot(&free_method)}, {Py_tp_descr_get, slot(&load_method)}});
  breaker.attr("__enter__") = make_method(method_type, enter_half, false);
  breaker.attr("__exit__") = make_method(method_type, exit_half, false);
  breaker.attr("__aenter__") = make_method(method_type, enter_half, true);
  breaker.attr("__aexit__") = make_method(method_type, exit_half, true);
}

}  // namespace switchgear::bindings
