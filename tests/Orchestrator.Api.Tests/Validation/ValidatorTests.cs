using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class ValidatorTests
{
    public static TheoryData<string> Sound() => [.. Examples.Kinds];

    public static TheoryData<string, string> Kinds() => Defaulting.DefaultsTests.Kinds();

    [Theory]
    [MemberData(nameof(Sound))]
    public void A_sound_object_of_every_kind_is_let_in(string kind) => Assert.Equal("", Examples.Faults(kind));

    [Theory]
    [MemberData(nameof(Sound))]
    public void A_sound_object_may_be_written_again_as_it_is(string kind)
    {
        var stored = Examples.Of(kind);

        Assert.Equal("", Examples.Text(Validator.ValidateUpdate(stored.DeepClone(), stored)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_empty_object_of_every_kind_is_refused_and_breaks_nothing(string apiVersion, string kind)
    {
        var empty = KubernetesJson.Create(GroupVersionKind.Parse(apiVersion, kind))!;

        var faults = Validator.ValidateCreate(empty);
        Validator.ValidateUpdate(empty.DeepClone(), empty);
        Validator.ValidateStatusUpdate(empty.DeepClone(), empty);

        Assert.Contains(faults, fault => fault.ToString() == "metadata.name: Required value: name or generateName is required");
    }
}
