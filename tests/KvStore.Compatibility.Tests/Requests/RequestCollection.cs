namespace KvStore.Compatibility.Tests.Requests;

/// <summary>The tests that share <see cref="RequestServers"/>.</summary>
[CollectionDefinition(Name)]
public sealed class RequestCollection : ICollectionFixture<RequestServers>
{
    public const string Name = "raw requests";
}
