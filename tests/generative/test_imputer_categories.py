"""PCImputer with columns of categories: which columns these are, what is filled in, dtypes."""

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pcnet
from pcnet import PCImputer

from .test_imputer import small, table

NAMES = ["size", "colour", "x", "y", "grade"]


def mixed_table(n_samples=200, seed=0):
    """Two columns of text, two of numbers and one of codes 1 to 3, all from two causes."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n_samples, 2))
    columns = [
        np.where(z[:, 0] > 0, "large", "small"),
        np.select([z[:, 1] > 0.5, z[:, 1] < -0.5], ["red", "blue"], "green"),
        z[:, 0] + 0.2 * rng.standard_normal(n_samples),
        z.sum(axis=1) + 0.2 * rng.standard_normal(n_samples),
        np.digitize(z[:, 1], [-0.6, 0.6]) + 1,
    ]
    full = np.empty((n_samples, 5), dtype=object)
    for j, column in enumerate(columns):
        full[:, j] = column.tolist()
    missing = rng.random(full.shape) < 0.2
    given = full.copy()
    given[missing] = np.where(np.arange(5) < 2, None, np.nan)[np.nonzero(missing)[1]]
    return full, given, missing


def as_frame(given):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(given, columns=NAMES, index=np.arange(len(given)) + 7)
    types = {"size": "category", "colour": "string", "x": float, "y": float, "grade": "Int64"}
    return frame.astype(types)


def test_categories_are_predicted_better_than_by_the_most_frequent_one():
    full, given, missing = mixed_table(500)
    filled = PCImputer(
        categorical_features=[0, 1], max_iter=15, n_estimators=2, random_state=0
    ).fit_transform(given)
    usual = SimpleImputer(strategy="most_frequent", missing_values=None)
    usual = usual.fit_transform(given[:, :2])
    for j in (0, 1):
        of = missing[:, j]
        hits = [np.mean(table[of, j] == full[of, j]) for table in (filled, usual)]
        assert hits[0] > hits[1] + 0.2


def test_observed_entries_are_returned_as_they_are():
    _, given, missing = mixed_table()
    filled = small(categorical_features=[0, 1, 4]).fit_transform(given)
    assert filled.dtype == object
    assert (filled[~missing] == given[~missing]).all()
    assert set(filled[:, 0]) == {"large", "small"}
    assert set(filled[:, 4]) == {1, 2, 3}
    assert all(isinstance(value, float) for value in filled[:, 2])


def test_codes_in_arrays_of_numbers():
    """The array's dtype is kept, and every code filled in is one of fit's."""
    X = np.round(table(dtype=np.float32))
    X[:, 2] = np.where(np.isnan(X[:, 2]), np.nan, X[:, 2] % 3)
    filled = small(categorical_features=[2]).fit_transform(X)
    assert filled.dtype == np.float32
    assert set(filled[:, 2]) <= {0, 1, 2}
    observed = ~np.isnan(X)
    assert filled[observed].tobytes() == X[observed].tobytes()
    integers = np.random.default_rng(0).integers(0, 4, (50, 3))
    integers[::4, 1] = -1
    filled = small(categorical_features=[1], missing_values=-1).fit_transform(integers)
    assert filled.dtype == np.float64
    assert set(filled[:, 1]) == {0, 1, 2, 3}


def test_frames_keep_the_dtypes_of_categories():
    _, given, missing = mixed_table()
    frame = as_frame(given)
    imputer = small(add_indicator=True).set_output(transform="pandas").fit(frame)
    filled = imputer.transform(frame)
    assert list(imputer.categories_) == [0, 1]
    assert list(imputer.categories_[1]) == ["blue", "green", "red"]
    flags = [f"missingindicator_{name}" for name in NAMES]
    assert list(filled.columns) == NAMES + flags == imputer.get_feature_names_out().tolist()
    assert filled.index.equals(frame.index)
    assert filled.dtypes.iloc[:2].tolist() == frame.dtypes.iloc[:2].tolist()
    assert (filled.dtypes.iloc[2:] == "float64").all()
    assert not filled.isna().any(axis=None)
    assert (filled[NAMES].to_numpy(object)[~missing] == given[~missing]).all()
    np.testing.assert_array_equal(filled[flags], missing)
    later = frame.iloc[:5].assign(size=frame["size"].iloc[:5].cat.remove_categories("large"))
    assert set(imputer.transform(later)["size"]) <= {"large", "small"}


def test_frames_of_other_dtypes_and_an_index_that_repeats():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    codes = pd.DataFrame(rng.integers(0, 3, (60, 3)), columns=["int", "float", "code"])
    frame = codes.astype({"int": "Int64", "float": float, "code": "category"})
    frame["grade"] = pd.Categorical(["low", "high", "mid"] * 20, ["low", "mid", "high"], True)
    frame["truth"] = pd.Series(rng.random(60) < 0.5, dtype="boolean")
    given = frame.mask(rng.random(frame.shape) < 0.2).set_axis(np.zeros(60))
    for draws in (False, True):
        imputer = small(categorical_features=[*frame.columns], sample_posterior=draws)
        filled = imputer.set_output(transform="pandas").fit_transform(given)
        assert (filled.dtypes == frame.dtypes).all()
        assert not filled.isna().any(axis=None)
        observed = given.notna().to_numpy()
        assert (filled.to_numpy(object) == frame.to_numpy(object))[observed].all()


def test_frame_and_array_give_the_same_values():
    _, given, _ = mixed_table()
    by_array = small(categorical_features=[0, 1]).fit_transform(given)
    frame = as_frame(given)
    imputer = small().fit(frame)
    assert (imputer.transform(frame) == by_array).all()
    by_name = small(categorical_features=["size", "colour"]).fit_transform(frame)
    by_mask = small(categorical_features=[True, True, False, False, False]).fit_transform(given)
    by_list = small(categorical_features=[0, 1]).fit_transform(given.tolist())
    for other in (by_name, by_mask, by_list):
        assert (other == by_array).all()


@pytest.mark.parametrize("dtype", ["category", "string", "str", object])
def test_columns_that_dtypes_name(dtype):
    pd = pytest.importorskip("pandas")
    column = pd.Series(["a", "b", None] * 20, dtype=dtype)
    frame = pd.DataFrame({"c": column, "n": np.arange(60.0), "o": [1, 2.5, None] * 20})
    imputer = small().fit(frame.astype({"o": object}))
    assert list(imputer.categories_) == [0]
    with pytest.raises(ValueError, match="text"):
        small(categorical_features=None).fit(frame)


def test_numbers_alone_give_what_they_gave_without_the_argument():
    X = table()
    np.testing.assert_array_equal(
        small(categorical_features=None).fit_transform(X), small().fit_transform(X)
    )
    assert small().fit(X).categories_ == {}


def test_unusual_columns():
    X = np.empty((40, 4), dtype=object)
    X[:, 0] = ["only", None] * 20
    X[:, 1] = None
    X[:, 2] = np.arange(40.0)
    X[:, 3] = ["p", "q", "q", None] * 10
    imputer = small(categorical_features=[0, 1, 3])
    with pytest.warns(UserWarning, match=r"columns \[1\] of X have no observed values"):
        filled = imputer.fit_transform(X)
    assert filled.shape == (40, 3)
    assert (filled[:, 0] == "only").all()
    with pytest.raises(ValueError, match=r"column .*1.* has no observed value, so no category"):
        small(categorical_features=[0, 1, 3], keep_empty_features=True).fit(X)
    only = small(categorical_features=[0, 1]).fit_transform(X[:, [0, 3]])
    assert set(only[:, 1]) == {"p", "q"}
    assert np.isfinite(imputer.transform([[None, None, None, None]])[0, 1])


def test_draws_have_the_frequencies_of_the_categories():
    """Of a column that depends on nothing: 70, 20 and 10 %."""
    rng = np.random.default_rng(0)
    X = np.empty((400, 3), dtype=object)
    X[:, 0] = rng.choice(["a", "b", "c"], 400, p=[0.7, 0.2, 0.1])
    X[:, 1:] = rng.standard_normal((400, 2))
    X[::2, 0] = None
    imputer = small(categorical_features=[0], sample_posterior=True, alpha=3.0, max_iter=10).fit(X)
    drawn = np.concatenate([imputer.transform(X)[::2, 0] for _ in range(6)])
    observed = X[1::2, 0]
    for name in "abc":
        assert abs(np.mean(drawn == name) - np.mean(observed == name)) < 0.06


def test_pipeline():
    _, given, _ = mixed_table()
    y = np.arange(len(given)) % 2
    model = make_pipeline(small(categorical_features=[0, 1]), OneHotEncoder(), LogisticRegression())
    assert model.fit(given, y).predict(given).shape == y.shape


def test_same_bits_with_any_number_of_threads():
    _, given, _ = mixed_table()
    results = []
    for n_threads in (1, 2):
        with pcnet.set_num_threads(n_threads):
            results.append(small(categorical_features=[0, 1]).fit_transform(given))
    assert (results[0] == results[1]).all()


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("features", "text"),
    [
        ("dtype", "categorical_features"),
        ([5], "numbers of columns from 0 to 4; got"),
        ([-1], "numbers of columns from 0 to 4; got"),
        ([True, False], "a mask of 2 entries, but X has 5 columns"),
        (["size"], r"\['size'\], which X does not have; arrays have no names"),
        ([0.5], "must be 'from_dtype', None, or a list"),
        ([[0]], "must be 'from_dtype', None, or a list"),
    ],
)
def test_wrong_categorical_features(features, text):
    _, given, _ = mixed_table()
    imputer = small(categorical_features=features)
    with pytest.raises(ValueError, match=text):
        imputer.fit(given)
    assert not hasattr(imputer, "n_features_in_")


def test_category_that_fit_has_not_seen():
    _, given, _ = mixed_table()
    imputer = small(categorical_features=[0, 1]).fit(given)
    given[3, 1] = "mauve"
    text = "column 1 of X holds 'mauve', which fit has not seen; its categories are 'blue', 'green'"
    with pytest.raises(ValueError, match=text):
        imputer.transform(given)
    with pytest.raises(ValueError, match=r"\['hue'\], which X does not have"):
        small(categorical_features=["hue"]).fit(as_frame(mixed_table()[1]))


def test_wrong_values():
    _, given, _ = mixed_table()
    given[0, 0] = 3
    with pytest.raises(TypeError, match="column 0 of X holds values that cannot be compared"):
        small(categorical_features=[0, 1]).fit(given)
    with pytest.raises(ValueError, match="holds NaN or None, but missing_values is a number"):
        small(categorical_features=[0, 1], missing_values=-1).fit(given)
    with pytest.raises(ValueError, match="text") as caught:
        small().fit(given)
    assert any("categorical_features" in note for note in caught.value.__notes__)
    with pytest.raises(ValueError, match="columns 'colour' of X hold values that are not numbers"):
        small(categorical_features=["size"]).fit(as_frame(mixed_table()[1]))
    imputer = small(categorical_features=[0]).fit(mixed_table()[1][:, [0, 2]])
    with pytest.raises(ValueError, match="features"):
        imputer.transform(given)
