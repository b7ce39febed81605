# The libraries Reeve stands on, each as a target reeve::NAME; `deploy/dependencies` installs them.
# Must never download anything.

find_package(PkgConfig REQUIRED)

# reeve_package(NAME DEBIAN MODULE...): the first pkg-config module found becomes reeve::NAME.
function(reeve_package name debian)
    foreach(module ${ARGN})
        pkg_check_modules(REEVE_${name} QUIET IMPORTED_TARGET ${module})
        if(REEVE_${name}_FOUND)
            break()
        endif()
    endforeach()
    if(NOT REEVE_${name}_FOUND)
        message(FATAL_ERROR "${name} is missing: install the Debian package ${debian} "
                            "(deploy/dependencies build test installs all there are)")
    endif()
    # Some .pc files (msgpack-c's on Debian 13) name a folder relative to nothing: the default.
    get_target_property(folders PkgConfig::REEVE_${name} INTERFACE_INCLUDE_DIRECTORIES)
    if(folders)
        list(FILTER folders INCLUDE REGEX "^/")
        set_target_properties(PkgConfig::REEVE_${name} PROPERTIES
                              INTERFACE_INCLUDE_DIRECTORIES "${folders}")
    endif()
    add_library(reeve_package_${name} INTERFACE)
    target_link_libraries(reeve_package_${name} INTERFACE PkgConfig::REEVE_${name})
    add_library(reeve::${name} ALIAS reeve_package_${name})
endfunction()

# reeve_probe(NAME DEBIAN HEADER [LIBRARY]): for what comes without a pkg-config file.
function(reeve_probe name debian header)
    find_path(REEVE_${name}_HEADER ${header})
    add_library(reeve_package_${name} INTERFACE)
    set(found ${REEVE_${name}_HEADER})
    if(ARGC GREATER 3)
        find_library(REEVE_${name}_LIBRARY ${ARGV3})
        target_link_libraries(reeve_package_${name} INTERFACE ${REEVE_${name}_LIBRARY})
        if(NOT REEVE_${name}_LIBRARY)
            set(found FALSE)
        endif()
    endif()
    if(NOT found)
        message(FATAL_ERROR "${name} is missing: install the Debian package ${debian} "
                            "(deploy/dependencies build test installs all there are)")
    endif()
    add_library(reeve::${name} ALIAS reeve_package_${name})
endfunction()

reeve_package(zmq libzmq3-dev libzmq)
reeve_package(czmq libczmq-dev libczmq)
reeve_package(msgpack libmsgpack-dev msgpack-c msgpack)
reeve_package(jansson libjansson-dev jansson)
reeve_package(microhttpd libmicrohttpd-dev libmicrohttpd)
reeve_package(glib libglib2.0-dev glib-2.0>=2.68)
reeve_package(gnutls libgnutls28-dev gnutls)
if(REEVE_TESTS)
    reeve_package(cmocka libcmocka-dev cmocka)
endif()
reeve_probe(lmdb liblmdb-dev lmdb.h lmdb)
reeve_probe(uthash uthash-dev uthash.h)
