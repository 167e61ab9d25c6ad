"""`python -m bench MEASUREMENT …`."""

import typer

from bench import year

app = typer.Typer(help=__doc__, no_args_is_help=True)
app.command("year")(year.main)
app.callback()(lambda: None)

if __name__ == "__main__":
    app()
