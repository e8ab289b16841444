package lab;

import java.io.File;
import java.net.InetSocketAddress;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.zookeeper.server.NIOServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/** What HBase stands on, in one JVM: a NameNode, a DataNode and a ZooKeeper server. Writes run/base.ready when all answer. */
public final class Base {
  private Base() {}

  public static void main(String[] args) {
    try {
      File home = new File(System.getenv("HBASE_HOME"));
      startZooKeeper(new File(home, "data/zookeeper"));
      startFileSystem();
      File ready = new File(home, "run/base.ready");
      Runtime.getRuntime().addShutdownHook(new Thread(ready::delete));
      ready.createNewFile();
      Thread.currentThread().join();
    } catch (Throwable t) { // daemons keep threads: a failed start must still end the process
      t.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static void startZooKeeper(File dir) throws Exception {
    int port = HBaseConfiguration.create().getInt("hbase.zookeeper.property.clientPort", 2181);
    NIOServerCnxnFactory factory = new NIOServerCnxnFactory();
    factory.configure(new InetSocketAddress("127.0.0.1", port), 300);
    factory.startup(new ZooKeeperServer(dir, dir, 1000));
  }

  private static void startFileSystem() throws Exception {
    DefaultMetricsSystem.setMiniClusterMode(true); // two daemons in one process register the same beans
    Configuration conf = new HdfsConfiguration();
    File names = new File(new java.net.URI(conf.get("dfs.namenode.name.dir")));
    if (!new File(names, "current/VERSION").exists()) {
      names.mkdirs();
      NameNode.format(conf);
    }
    NameNode name = NameNode.createNameNode(new String[0], conf);
    DataNode.createDataNode(new String[0], conf);
    while (name.isInSafeMode()) Thread.sleep(200);
    FileSystem.get(conf).mkdirs(new Path("/tmp"));
  }
}
