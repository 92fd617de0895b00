import pytest

from kbin.credentials import without_credentials


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://anna:secret@host:5000/path", "http://host:5000/path"),
        ("https://token@host", "https://host"),
        ("postgresql://anna:se@cret@db/mlflow?sslmode=on", "postgresql://db/mlflow?sslmode=on"),
        (
            "kbin run a.yaml --set 'tracking.mlflow.uri=http://a:b@h' --quick",
            "kbin run a.yaml --set 'tracking.mlflow.uri=http://h' --quick",
        ),
        ("http://h/x?access_token=secret&a=b", "http://h/x?access_token=...&a=b"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("mail anna@host, see http://host/@anna", "mail anna@host, see http://host/@anna"),
    ],
)
def test_an_address_loses_user_password_and_token_and_nothing_else(text, expected):
    assert without_credentials(text) == expected
