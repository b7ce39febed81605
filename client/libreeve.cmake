# libreeve: what the client and the worker library hold, as one shared and one static library that
# export nothing but reeve_*, with what other projects need to find them.
# Must be called when all targets are known: the worker's objects come along where they exist.

# Every object of the parts that exist, and of the libraries below them.
function(reeve_library_objects out public_out)
    set(parts "")
    foreach(part reeve_client reeve_worker_core)
        if(TARGET ${part})
            list(APPEND parts $<TARGET_OBJECTS:${part}>)
        endif()
    endforeach()
    set(${public_out} ${parts} PARENT_SCOPE)
    set(${out} ${parts} $<TARGET_OBJECTS:reeve_proto> $<TARGET_OBJECTS:reeve_base> PARENT_SCOPE)
endfunction()

# What a program that links the static library links too: names for -l.
function(reeve_library_needs out)
    set(needs ${REEVE_zmq_LIBRARIES} ${REEVE_msgpack_LIBRARIES} ${REEVE_jansson_LIBRARIES})
    list(REMOVE_DUPLICATES needs)
    set(${out} ${needs} PARENT_SCOPE)
endfunction()

function(reeve_library_shared objects)
    add_library(reeve_shared SHARED ${objects})
    target_link_libraries(reeve_shared PRIVATE reeve_proto reeve_base reeve::zmq Threads::Threads)
    if(TARGET reeve_worker_core)
        target_link_libraries(reeve_shared PRIVATE reeve_worker_core) # for what it needs
    endif()
    target_link_options(reeve_shared PRIVATE
                        -Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/reeve.map)
    target_include_directories(reeve_shared INTERFACE
                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(reeve_shared PROPERTIES
        OUTPUT_NAME reeve EXPORT_NAME reeve VERSION ${PROJECT_VERSION} SOVERSION 0
        LINKER_LANGUAGE C LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/reeve.map
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
endfunction()

# One object out of all, whose other symbols are then nobody's business.
function(reeve_library_static objects)
    set(whole ${CMAKE_BINARY_DIR}/lib/reeve.o)
    set(archive ${CMAKE_BINARY_DIR}/lib/libreeve.a)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
    add_custom_command(
        OUTPUT ${archive}
        COMMAND ${CMAKE_LINKER} -r -o ${whole} ${objects}
        COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=reeve_*" ${whole}
        COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
        COMMAND ${CMAKE_AR} rcs ${archive} ${whole}
        DEPENDS ${objects}
        COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Making libreeve.a")
    add_custom_target(reeve_static ALL DEPENDS ${archive})
endfunction()

function(reeve_library_install)
    include(CMakePackageConfigHelpers)
    reeve_library_needs(needs)
    set(config ${CMAKE_BINARY_DIR}/lib/cmake)
    set(place ${CMAKE_INSTALL_LIBDIR}/cmake/Reeve)
    set(REEVE_STATIC_NEEDS "${needs}")
    configure_package_config_file(
        ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/ReeveConfig.cmake.in ${config}/ReeveConfig.cmake
        INSTALL_DESTINATION ${place} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
    write_basic_package_version_file(${config}/ReeveConfigVersion.cmake
                                     COMPATIBILITY SameMinorVersion)

    list(TRANSFORM needs PREPEND "-l")
    list(JOIN needs " " private)
    set(REEVE_PC_PRIVATE "${private} -pthread")
    file(RELATIVE_PATH REEVE_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/reeve.pc.in ${CMAKE_BINARY_DIR}/lib/reeve.pc
                   @ONLY)

    set(headers ${PROJECT_SOURCE_DIR}/client/reeve.h)
    if(TARGET reeve_worker_core)
        list(APPEND headers ${PROJECT_SOURCE_DIR}/worker/reeve_worker.h)
    endif()
    install(TARGETS reeve_shared EXPORT ReeveTargets
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libreeve
            NAMELINK_COMPONENT libreeve-dev)
    install(EXPORT ReeveTargets NAMESPACE Reeve:: DESTINATION ${place} COMPONENT libreeve-dev)
    install(FILES ${config}/ReeveConfig.cmake ${config}/ReeveConfigVersion.cmake
            DESTINATION ${place} COMPONENT libreeve-dev)
    install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libreeve-dev)
    install(FILES ${CMAKE_BINARY_DIR}/lib/libreeve.a
            DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libreeve-dev)
    install(FILES ${CMAKE_BINARY_DIR}/lib/reeve.pc
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libreeve-dev)
endfunction()

function(reeve_library)
    reeve_library_objects(all parts)
    reeve_library_shared("${parts}")
    reeve_library_static("${all}")
    reeve_library_install()
endfunction()
