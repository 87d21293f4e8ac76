using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.Tests.Errors;

public sealed class FieldErrorTests
{
    private static readonly FieldPath Field = FieldPath.Of("a");

    public static TheoryData<FieldError, string> Messages() => new()
    {
        { FieldError.Required(Field), "a: Required value" },
        { FieldError.Required(Field, "give one"), "a: Required value: give one" },
        { FieldError.Invalid(Field, "x\"y", "bad"), "a: Invalid value: \"x\\\"y\": bad" },
        { FieldError.Invalid(Field, 1L, "bad"), "a: Invalid value: 1: bad" },
        { FieldError.Invalid(Field, true, "bad"), "a: Invalid value: true: bad" },
        { FieldError.Invalid(Field, null, "bad"), "a: Invalid value: null: bad" },
        { FieldError.Invalid(Field, IntOrString.FromString("10%"), "bad"), "a: Invalid value: \"10%\": bad" },
        { FieldError.Invalid(Field, IntOrString.FromInt(10), "bad"), "a: Invalid value: 10: bad" },
        { FieldError.Invalid(Field, new LabelSelector { MatchLabels = new() { ["a"] = "b" } }, "bad"), "a: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: bad" },
        { FieldError.NotSupported(Field, "c", ["b", "a"]), "a: Unsupported value: \"c\": supported values: \"a\", \"b\"" },
        { FieldError.Duplicate(Field, "x"), "a: Duplicate value: \"x\"" },
        { FieldError.Forbidden(Field, "may not"), "a: Forbidden: may not" },
        { FieldError.TooLong(Field, "xxx", 2), "a: Too long: may not be more than 2 bytes" },
        { FieldError.TooMany(Field, 3, 2), "a: Too many: 3: must have at most 2 items" },
        { FieldError.TooMany(Field, -1, 1), "a: Too many: must have at most 1 item" },
        { FieldError.NotFound(Field, "x"), "a: Not found: \"x\"" },
        { FieldError.TypeInvalid(Field, "x", "must be an integer"), "a: Invalid value: \"x\": must be an integer" },
        { FieldError.InternalError(Field, "oops"), "a: Internal error: oops" },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void An_error_reads_as_Kubernetes_words_it(FieldError error, string message) => Assert.Equal(message, error.ToString());

    [Fact]
    public void A_path_is_made_of_fields_indexes_and_keys()
    {
        Assert.Equal("spec.containers[2].env[0].name", FieldPath.Root.Child("spec", "containers").Index(2).Child("env").Index(0).Child("name").ToString());
        Assert.Equal("metadata.labels[a/b]", FieldPath.Of("metadata").Child("labels").Key("a/b").ToString());
        Assert.Equal("", FieldPath.Root.ToString());
        Assert.Equal("[0].name", FieldPath.Root.Index(0).Child("name").ToString());
    }
}
