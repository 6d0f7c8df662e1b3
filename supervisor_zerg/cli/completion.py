"""Completion for shells: scripts that call ``zergctl complete``, and what that prints."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from .command import Command

# Nothing of the answer may be expanded: a name may look like a command. bash breaks words at ':',
# which names contain, so the line is split again, and only what follows the last ':' is replaced.
BASH = """\
_zergctl() {
    local typed word
    local -a words
    read -ra words <<< "${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
    typed=${words[${#words[@]}-1]}
    COMPREPLY=()
    while IFS= read -r word; do
        [[ $word == "$typed"* ]] || continue
        [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]] && word=${word#"${typed%:*}:"}
        printf -v word %q "$word"
        COMPREPLY+=("$word")
    done < <(zergctl complete "${words[@]:1:${#words[@]}-2}" 2>/dev/null)
}
complete -F _zergctl zergctl
"""

# In a folder of $fpath the script is itself the function, and is called when it is first read.
ZSH = """\
#compdef zergctl
_zergctl() {
    local -a found
    found=(${(f)"$(zergctl complete ${words[2,CURRENT-1]} 2>/dev/null)"})
    compadd -- $found
}
if [[ $funcstack[1] == _zergctl ]]; then _zergctl "$@"; else compdef _zergctl zergctl; fi
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH}


def from_command(words: Sequence[str], commands: Collection[str]) -> list[str]:
    """The words from the command on: those before it are options of supervisorctl."""
    start = next((place for place, word in enumerate(words) if word in commands), len(words))
    return list(words[start:])


def completions(
    commands: Mapping[str, Command], words: Sequence[str], names: Callable[[str], list[str]]
) -> list[str]:
    """What may follow these words. ``names`` returns every name of a ``PAIR`` or ``PROGRAM``."""
    if not words:
        return list(commands)
    command = commands.get(words[0])
    if command is None or any(option.startswith(f"{words[-1]} ") for option in command.options):
        return []
    place = len(_without_options(command, words[1:]))
    choices: list[str] = []
    if place < len(command.takes):
        take = command.takes[place]
        choices = list(commands) if take == "[COMMAND]" else _choices(take, names)
    options = (option.partition(" ")[0] for option in command.options)
    return choices + [option for option in options if option not in words]


def _without_options(command: Command, words: Sequence[str]) -> list[str]:
    valued = {option.partition(" ")[0] for option in command.options if " " in option}
    return [
        word
        for before, word in zip(["", *words], words)
        if not word.startswith("-") and before not in valued
    ]


def _choices(take: str, names: Callable[[str], list[str]]) -> list[str]:
    return take.split("|") if "|" in take else names(take.strip("[]"))
