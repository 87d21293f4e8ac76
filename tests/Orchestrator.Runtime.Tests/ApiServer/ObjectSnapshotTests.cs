using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.Tests.ApiServer;

public sealed class ObjectSnapshotTests
{
    private const int Steps = 6_000;

    private static readonly StoredResource ConfigMaps = new(
        ResourceTable.Served.Find("", "v1", "configmaps")!, null!, TimeProvider.System, NullLoggerFactory.Instance);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_snapshot_is_a_sorted_dictionary_that_no_later_change_touches(int seed)
    {
        var random = new Random(seed);
        var model = new SortedDictionary<string, StoredObject>(StringComparer.Ordinal);
        var snapshot = ObjectSnapshot.Empty;
        var kept = new List<(ObjectSnapshot Snapshot, string[] Keys)>();

        for (int step = 0; step < Steps; step++)
        {
            string key = $"ns{random.Next(5)}/o{random.Next(400):000}";
            if (random.Next(3) > 0)
            {
                var value = Object(key, step + 1);
                model[key] = value;
                snapshot = snapshot.Set(value);
            }
            else
            {
                model.Remove(key);
                snapshot = snapshot.Remove(key);
            }

            Assert.Equal(model.Count, snapshot.Count);
            Assert.Same(model.GetValueOrDefault(key), snapshot.Find(key));
            if (step % 500 == 0)
                kept.Add((snapshot, [.. model.Keys]));
            if (step % 100 == 0)
                CheckRange(random, model, snapshot);
        }

        Assert.All(kept, old => Assert.Equal(old.Keys, old.Snapshot.Range("").Select(value => value.Key)));
    }

    [Fact]
    public void A_snapshot_of_sorted_objects_holds_them_all()
    {
        var objects = Enumerable.Range(0, 1000).Select(index => Object($"a/{index:0000}", index + 1)).ToList();

        var snapshot = ObjectSnapshot.Of(objects);

        Assert.Equal(objects, snapshot.Range(""));
        Assert.Equal(500, snapshot.CountOf("", "a/0500"));
    }

    [Fact]
    public void An_object_gets_its_revision_as_resourceVersion_and_is_otherwise_what_is_stored()
    {
        var value = Object("a/b", 17);

        var metadata = value.Shared.Metadata;

        Assert.Equal("17", metadata.ResourceVersion);
        Assert.Equal("b", metadata.Name);
        Assert.Equal("18", value.AtRevision(18).Shared.Metadata.ResourceVersion);
        string stored = Encoding.UTF8.GetString(value.Json).Replace("\"resourceVersion\":\"17\",", "", StringComparison.Ordinal);
        Assert.True(value.IsStoredAs(Encoding.UTF8.GetBytes(stored)));
        Assert.True(value.AtRevision(1_000).IsStoredAs(Encoding.UTF8.GetBytes(stored)));
        Assert.False(value.IsStoredAs(value.Json));
    }

    [Theory]
    [InlineData("""{"kind":"Pod","metadata":{"uid":"u","labels":{"a":"b","c":""},"name":"x"},"spec":{"nodeName":"n","x":{"nodeName":"no"}}}""", "u", "a=b,c=", "n")]
    [InlineData("""{"spec":{"x":[{"nodeName":"no"}]},"metadata":{"labels":null,"ownerReferences":[{"uid":"no"}],"uid":"u"}}""", "u", "", "")]
    [InlineData("""{"metadata":{"labels":{}},"status":{"nodeName":"no"},"spec":null}""", "", "", "")]
    public void A_header_is_what_the_object_says_of_itself(string json, string uid, string labels, string node)
    {
        var header = ObjectHeader.Read(Encoding.UTF8.GetBytes(json), "spec.nodeName");

        Assert.Equal(uid, header.Uid);
        Assert.Equal(labels, string.Join(',', (header.Labels ?? new Dictionary<string, string>()).Select(label => $"{label.Key}={label.Value}")));
        Assert.Equal(node, header.IndexValue);
        Assert.Equal("{", json[(header.MetadataStart - 1)..header.MetadataStart]);
        Assert.Equal("\"metadata\":", json[(header.MetadataStart - 12)..(header.MetadataStart - 1)]);
    }

    [Fact]
    public void What_has_no_metadata_has_no_header() =>
        Assert.Throws<System.Text.Json.JsonException>(() => ObjectHeader.Read("""{"spec":{"metadata":{}}}"""u8, null));

    private static void CheckRange(Random random, SortedDictionary<string, StoredObject> model, ObjectSnapshot snapshot)
    {
        string prefix = random.Next(2) == 0 ? "" : $"ns{random.Next(6)}/";
        string start = random.Next(2) == 0 ? "" : $"ns{random.Next(5)}/o{random.Next(400):000}";

        var expected = model.Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal)
            && string.CompareOrdinal(pair.Key, start) >= 0).Select(pair => pair.Key).ToList();

        // A start outside of the prefix is none that a list would have.
        if (start.Length > 0 && prefix.Length > 0 && !start.StartsWith(prefix, StringComparison.Ordinal))
            return;
        Assert.Equal(expected, snapshot.Range(prefix, start).Select(value => value.Key));
        Assert.Equal(expected.Count, snapshot.CountOf(prefix, start));
    }

    private static StoredObject Object(string key, long revision)
    {
        var parts = key.Split('/');
        string json = $$"""{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"{{parts[1]}}","namespace":"{{parts[0]}}"} }""";
        return StoredObject.Read(ConfigMaps, key, Encoding.UTF8.GetBytes(json), revision);
    }
}
