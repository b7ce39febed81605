# How tests are declared. Must never run anything itself.
#
#   reeve_test(NAME SOURCES a.c ... LIBS reeve_base ... [LABEL unit] [TIMEOUT 60] [SERIAL])
#       a cmocka program; warnings, sanitizers and the include path are those of the house
#   reeve_script_test(NAME SCRIPT [ARGS ...] [LABEL wire] [TIMEOUT 60] [SERIAL])
#       a Python script (*.py, run by /usr/bin/python3) or a shell script, with REEVE_BUILD = the
#       build folder (where the programs are) and REEVE_SOURCE = the tree
#
# LABEL: the test's kind; without it the folder's name below tests/. `LABEL long` is for what
# belongs to the long battery, `LABEL "http;threads"` for what should run under TSan too.
# TIMEOUT: seconds. SERIAL: nothing else may run at the same time.

set(REEVE_PYTHON /usr/bin/python3)

set(REEVE_TEST_ENVIRONMENT
    "REEVE_BUILD=${CMAKE_BINARY_DIR}"
    "REEVE_SOURCE=${CMAKE_SOURCE_DIR}"
    "PYTHONDONTWRITEBYTECODE=1"
    "ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/lsan.supp:print_suppressions=0"
    "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp:halt_on_error=1:history_size=4")

# The kind of a test: the first folder below tests/.
function(reeve_kind out)
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
    string(REGEX REPLACE "/.*" "" kind "${path}")
    set(${out} ${kind} PARENT_SCOPE)
endfunction()

function(reeve_test_properties name label timeout serial)
    if(NOT label)
        reeve_kind(label)
    endif()
    if(NOT timeout)
        set(timeout 60)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${timeout}
                         RUN_SERIAL ${serial} ENVIRONMENT "${REEVE_TEST_ENVIRONMENT}")
endfunction()

function(reeve_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "LABEL;TIMEOUT" "SOURCES;LIBS")
    add_executable(${name} ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
    target_link_libraries(${name} PRIVATE ${arg_LIBS} reeve::cmocka)
    add_test(NAME ${name} COMMAND ${name})
    reeve_test_properties(${name} "${arg_LABEL}" "${arg_TIMEOUT}" ${arg_SERIAL})
endfunction()

function(reeve_script_test name script)
    cmake_parse_arguments(PARSE_ARGV 2 arg "SERIAL" "LABEL;TIMEOUT" "ARGS")
    get_filename_component(path ${script} ABSOLUTE)
    if(path MATCHES "\\.py$")
        add_test(NAME ${name} COMMAND ${REEVE_PYTHON} ${path} ${arg_ARGS})
    else()
        add_test(NAME ${name} COMMAND ${path} ${arg_ARGS})
    endif()
    reeve_test_properties(${name} "${arg_LABEL}" "${arg_TIMEOUT}" ${arg_SERIAL})
endfunction()
