# Compiler settings that hold for every target: language, warnings, sanitizers, hardening.
# Must never name a target or a library.

include(GNUInstallDirs)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

set(REEVE_SANITIZE "none" CACHE STRING "Sanitizers: none, address,undefined or thread")
set_property(CACHE REEVE_SANITIZE PROPERTY STRINGS none "address,undefined" thread)
option(REEVE_WERROR "Warnings are errors" OFF)
option(REEVE_TESTS "Build the tests too" ON)
option(REEVE_TEETH "Build with planted bugs, for tests/run teeth only: never ship it" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_THREAD_PREFER_PTHREAD ON)
find_package(Threads REQUIRED)

add_compile_definitions(_GNU_SOURCE REEVE_VERSION="${PROJECT_VERSION}")
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
                    -Wmissing-prototypes -Wvla -Wformat=2)
include_directories(${PROJECT_SOURCE_DIR})

if(REEVE_TEETH)
    add_compile_definitions(REEVE_TEETH)
endif()

if(REEVE_WERROR)
    add_compile_options(-Werror)
endif()

if(REEVE_SANITIZE STREQUAL "none")
    add_compile_options(-fstack-protector-strong)
    add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
    add_link_options(-Wl,-z,relro -Wl,-z,now)
elseif(REEVE_SANITIZE STREQUAL "address,undefined" OR REEVE_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=${REEVE_SANITIZE} -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${REEVE_SANITIZE})
    if(REEVE_SANITIZE STREQUAL "address,undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
else()
    message(FATAL_ERROR "REEVE_SANITIZE is '${REEVE_SANITIZE}'; "
                        "use none, address,undefined or thread")
endif()
