"""The command line of `idance models`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import MissingResource, UsageError

if TYPE_CHECKING:
    from infinitedance_cli.weights import ModelSource

app = typer.Typer(
    help="Models that come from elsewhere: what is here, fetching, licences, places.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model; `idance models list` has them.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names of models.", show_default="all")]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="PATH", help="Take it from this folder, wheel, archive or file; uses no network."),
]
Revision = Annotated[
    str,
    typer.Option(
        metavar="COMMIT",
        help="Commit, branch or tag of its Hugging Face repository to fetch.",
        show_default="of the catalogue",
    ),
]
AcceptLicence = Annotated[bool, typer.Option("--accept-licence", help="Accept the licence without being asked.")]


@app.command("list")
def list_models(as_json: options.Json = False) -> None:
    """Every model that can be fetched: whether it is here, its revision, size, licence and purpose."""
    from infinitedance_cli.stages.models.stage import entries, to_json, to_table

    found = entries()
    typer.echo(json.dumps(to_json(found), indent=2) if as_json else to_table(found), nl=as_json)


@app.command("add")
def add_model(name: Name, given: From = None, revision: Revision = "", accept_licence: AcceptLicence = False) -> None:
    """Bring a model into the cache and print its folder.

    Every file is checked against its SHA-256. A licence that binds whoever downloads is shown and accepted once.
    Downloads that break off go on when it is run again, at the same commit.
    """
    from infinitedance_cli import weights

    if given is not None and revision:
        raise UsageError("--from and --revision exclude each other: what you bring has no revision")
    source = weights.find(name)
    if weights.state(source) is not weights.State.READY:
        _settle_licence(source, accept_licence)
        if given is None and isinstance(source.origin, weights.UserFolder):
            raise MissingResource(
                f"'{name}' cannot be downloaded: {source.origin.instructions}, "
                f"then run: idance models add {name} --from PATH"
            )
    typer.echo(weights.add(source, given, revision))


@app.command("path")
def model_path(name: Name) -> None:
    """Print the folder of a model that is here; exit with 4 when it is not."""
    from infinitedance_cli import weights

    source = weights.find(name)
    state = weights.state(source)
    if state is not weights.State.READY:
        raise MissingResource(f"the model '{name}' is {state.value}; run: idance models add {name}")
    typer.echo(weights.folder(source))


@app.command("licenses")
def model_licences(names: Names = None, as_json: options.Json = False) -> None:
    """What the licence of each model asks of you, where its text is, and whether you accepted it."""
    from infinitedance_cli.stages.models.stage import entries, licences, to_json

    found = entries(names)
    typer.echo(json.dumps(to_json(found), indent=2) if as_json else licences(found), nl=as_json)


@app.command("remove")
def remove_models(names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of models.")]) -> None:
    """Delete models from the cache, with what broken downloads left of them."""
    from infinitedance_cli import weights
    from infinitedance_cli.weights.room import readable_size

    for source in [weights.find(name) for name in names]:
        freed = weights.remove(source)
        typer.echo(f"{source.name}: {f'{readable_size(freed)} freed' if freed else 'was not here'}", err=True)


def _settle_licence(source: ModelSource, accept: bool) -> None:
    """Have a licence that must be accepted accepted: by the option, or by a person at a terminal."""
    from infinitedance_cli.weights import store

    licence = source.licence
    if not licence.must_accept or store.accepted(source):
        return
    if not accept:
        said = f"{source.name} is under {licence.name}: {licence.terms} ({licence.url})"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise MissingResource(f"{said}; read it, then run: idance models add {source.name} --accept-licence")
        typer.echo(said, err=True)
        if not typer.confirm("Do you accept it?", err=True):
            raise MissingResource(f"the licence of {source.name} was not accepted; nothing was fetched")
    store.accept(source)
