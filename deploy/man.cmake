# Man pages, made from what the programs' own --help says, so that there is one source: the target
# `man`, not part of all. Needs help2man, and says so where it is missing.
# Must never hold a word of its own about an option.
find_program(REEVE_HELP2MAN help2man)

# reeve_man(PAGE PROGRAM TITLE [COMMAND]): man/PAGE.1
function(reeve_man page program title)
    set(out ${CMAKE_BINARY_DIR}/man/${page}.1)
    set(named "")
    if(ARGC GREATER 3)
        set(named "--help-option=${ARGV3} --help" "--version-string=${page} ${PROJECT_VERSION}")
    endif()
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${REEVE_HELP2MAN} --no-info --section=1 --manual=Reeve --source=Reeve
                "--name=${title}" ${named} "--output=${out}" $<TARGET_FILE:${program}>
        DEPENDS ${program}
        VERBATIM
        COMMENT "Making man/${page}.1")
    set_property(GLOBAL APPEND PROPERTY REEVE_MAN_PAGES ${out})
endfunction()

# The commands are those of the table that `reeve` itself is made from.
function(reeve_man_commands)
    file(STRINGS ${PROJECT_SOURCE_DIR}/client/cli/commands.def rows REGEX "^COMMAND\\(")
    foreach(row ${rows})
        if(row MATCHES "^COMMAND\\([A-Z]+, ([a-z]+),.*, \"([^\"]+)\\.\",$")
            reeve_man(reeve-${CMAKE_MATCH_1} reeve "${CMAKE_MATCH_2}" ${CMAKE_MATCH_1})
        else()
            message(FATAL_ERROR "client/cli/commands.def: a row that man.cmake can't read: ${row}")
        endif()
    endforeach()
endfunction()

function(reeve_man_target)
    if(NOT REEVE_HELP2MAN)
        add_custom_target(man COMMAND ${CMAKE_COMMAND} -E echo "man: help2man is not installed"
                              COMMAND ${CMAKE_COMMAND} -E false)
        return()
    endif()
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
    reeve_man(reeve-broker reeve-broker "keeps jobs and hands them to workers")
    reeve_man(reeve-worker reeve-worker "runs programs as handlers of jobs")
    reeve_man(reeve-gateway reeve-gateway "serves jobs over HTTP")
    reeve_man(reeve reeve "submits jobs and shows what becomes of them")
    reeve_man_commands()
    get_property(pages GLOBAL PROPERTY REEVE_MAN_PAGES)
    add_custom_target(man DEPENDS ${pages})
endfunction()

if(TARGET reeve-broker AND TARGET reeve-worker AND TARGET reeve-gateway AND TARGET reeve)
    reeve_man_target()
endif()
