using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.Kubelet.Volumes;

namespace Orchestrator.Node.Tests.Volumes;

/// <summary>Which files objects become.</summary>
public sealed class ProjectionTests
{
    private static readonly Dictionary<string, Quantity> Allocatable = new()
    {
        ["cpu"] = Quantity.Parse("4"),
        ["memory"] = Quantity.Parse("8Gi"),
    };

    private static readonly ConfigMap Map = new()
    {
        Metadata = new ObjectMeta { Name = "settings", Namespace = "shop" },
        Data = new() { ["colour"] = "blau", ["size"] = "3" },
        BinaryData = new() { ["raw"] = [0, 255] },
    };

    private static readonly Secret Password = new()
    {
        Metadata = new ObjectMeta { Name = "password", Namespace = "shop" },
        Data = new() { ["key"] = [1, 2, 3] },
    };

    [Fact]
    public void All_keys_are_files_with_the_default_mode()
    {
        Assert.Equal(["colour 0644 blau", "raw 0644 \0\u00ff", "size 0644 3"], Lines(Projections.Of(Map, "settings", null, null, false)));
        Assert.Equal(["colour 0400 blau", "raw 0400 \0\u00ff", "size 0400 3"], Lines(Projections.Of(Map, "settings", null, 0x100, false)));
        Assert.Equal(["key 0644 \u0001\u0002\u0003"], Lines(Projections.Of(Password, "password", [], null, false)));
    }

    [Fact]
    public void Items_choose_keys_and_give_them_paths_and_modes_of_their_own()
    {
        KeyToPath[] items = [new() { Key = "colour", Path = "ui/colour.txt" }, new() { Key = "size", Path = "size", Mode = 0x1C0 }];

        Assert.Equal(["size 0700 3", "ui/colour.txt 0400 blau"], Lines(Projections.Of(Map, "settings", items, 0x100, false)));
    }

    [Fact]
    public void What_is_missing_is_named_unless_it_is_optional()
    {
        KeyToPath[] items = [new() { Key = "nothing", Path = "a" }, new() { Key = "colour", Path = "b" }];

        Assert.Equal("configmap \"settings\" not found", Problem(() => Projections.Of((ConfigMap?)null, "settings", null, null, false)));
        Assert.Equal("secret \"password\" not found", Problem(() => Projections.Of((Secret?)null, "password", null, null, false)));
        Assert.Equal("configmap references non-existent config key: nothing", Problem(() => Projections.Of(Map, "settings", items, null, false)));
        Assert.Equal("references non-existent secret key: nothing", Problem(() => Projections.Of(Password, "password", items, null, false)));
        Assert.Equal(["b 0644 blau"], Lines(Projections.Of(Map, "settings", items, null, true)));
        Assert.Empty(Projections.Of((ConfigMap?)null, "settings", items, null, true));
        Assert.Empty(Projections.Of((Secret?)null, "password", null, null, true));
    }

    [Theory]
    [InlineData("metadata.name", "web")]
    [InlineData("metadata.namespace", "shop")]
    [InlineData("metadata.uid", "u1")]
    [InlineData("metadata.labels", "app=\"web\"\ntier=\"front \\\"a\\\"\"")]
    [InlineData("metadata.annotations", "note=\"two\\nlines\"")]
    [InlineData("metadata.labels['app']", "web")]
    [InlineData("metadata.annotations['none']", "")]
    public void Fields_of_the_pod_are_written_as_texts(string path, string text) =>
        Assert.Equal(text, DownwardOf(new DownwardAPIVolumeFile { Path = "f", FieldRef = new ObjectFieldSelector { FieldPath = path } }));

    [Theory]
    [InlineData("limits.cpu", null, "1")] // Rounded up.
    [InlineData("limits.cpu", "1m", "250")]
    [InlineData("requests.cpu", "1m", "100")]
    [InlineData("limits.memory", "1Mi", "64")]
    [InlineData("limits.memory", null, "67108864")]
    [InlineData("requests.memory", "1Ki", "0")]
    public void Resources_are_counted_in_units_of_their_divisor(string resource, string? divisor, string text) =>
        Assert.Equal(text, DownwardOf(ResourceFile("main", resource, divisor)));

    [Theory]
    [InlineData("limits.cpu", "4")]
    [InlineData("limits.memory", "8589934592")]
    public void Without_a_limit_a_container_may_use_all_that_the_node_has(string resource, string text) =>
        Assert.Equal(text, DownwardOf(ResourceFile("free", resource, null)));

    private static DownwardAPIVolumeFile ResourceFile(string container, string resource, string? divisor) => new()
    {
        Path = "f",
        ResourceFieldRef = new ResourceFieldSelector
        {
            ContainerName = container,
            Resource = resource,
            Divisor = divisor is null ? null : Quantity.Parse(divisor),
        },
    };

    private static string DownwardOf(DownwardAPIVolumeFile file)
    {
        var pod = new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = "web",
                Namespace = "shop",
                Uid = "u1",
                Labels = new() { ["tier"] = "front \"a\"", ["app"] = "web" },
                Annotations = new() { ["note"] = "two\nlines" },
            },
            Spec = new PodSpec
            {
                Containers =
                [
                    new Container
                    {
                        Name = "main",
                        Resources = new ResourceRequirements
                        {
                            Limits = new() { ["cpu"] = Quantity.Parse("250m"), ["memory"] = Quantity.Parse("64Mi") },
                            Requests = new() { ["cpu"] = Quantity.Parse("100m") },
                        },
                    },
                    new Container { Name = "free" },
                ],
            },
        };
        return Encoding.UTF8.GetString(Projections.Of(pod, [file], null, Allocatable)["f"].Content);
    }

    private static string Problem(Action action) => Assert.Throws<VolumeException>(action).Message;

    private static IEnumerable<string> Lines(Dictionary<string, ProjectedFile> files) => files.OrderBy(file => file.Key, StringComparer.Ordinal)
        .Select(file => $"{file.Key} 0{Convert.ToString((int)file.Value.Mode, 8)} {Encoding.Latin1.GetString(file.Value.Content)}");
}
