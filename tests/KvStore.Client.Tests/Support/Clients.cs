namespace KvStore.Client.Tests.Support;

internal static class Clients
{
    public static EtcdClient Of(params string[] endpoints) => new(new ClientOptions
    {
        Endpoints = endpoints,
        // A restart is to be noticed at once, not after the rest that suits a production cluster.
        MaxBackOff = TimeSpan.FromMilliseconds(200),
        ConnectTimeout = TimeSpan.FromSeconds(1),
    });
}
